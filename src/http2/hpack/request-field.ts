import { fieldBytes } from "./dynamic-table.ts";
import type { Field } from "./static-table.ts";

/** RFC 9110's token, in lower case. */
const goodName = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
/** RFC 9113, section 8.2.1. */
const goodValue = /^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/;
/** The characters of a host and a port: RFC 3986, section 3.2. RFC 9113, section 8.3.1, forbids the name of a user. */
const authority = /^[!$%&'()*+,\-.0-9:;=A-Z[\]_a-z~]+$/;
/** What narrower values have to match. The pseudo-headers are those of requests: section 8.3.1. */
const narrowValues: ReadonlyMap<string, RegExp> = new Map([
  [":method", /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/],
  [":scheme", /^[A-Za-z][A-Za-z0-9+\-.]*$/],
  [":path", /^[\x21-\x7e\x80-\xff]+$/],
  [":authority", authority],
  ["host", authority],
  // Section 8.2.2.
  ["te", /^trailers$/i],
]);
/** Fields of HTTP/1.1's connections: section 8.2.2. */
const connectionFields: ReadonlySet<string> = new Set([
  "connection",
  "proxy-connection",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
]);

/** What values have to match, by names that have been found to be good. Those are few; a client may send others. */
const knownNames = new Map(narrowValues);
const maxKnownNames = 256;
const maxKnownNameLength = 64;
const colon = 0x3a;

/**
 * A field that a client has sent. It is checked as it arrives: most fields of a request are entries of a table, which have
 * arrived once, so that a block's indexes cost no checks.
 */
export class RequestField implements Field {
  readonly name: string;
  readonly value: string;
  /** Its size, in a table and in a header list. */
  readonly bytes: number;
  /** Whether its name begins with a colon. */
  readonly isPseudo: boolean;
  /** Why no request may have it, wherever it stands: RFC 9113, sections 8.2.1, 8.2.2 and 8.3. */
  readonly fault: string | undefined;
  /** What values of its name have to match; null where no field may have the name. */
  readonly values: RegExp | null;

  /** @param values those of another field of the name, which need not be checked again */
  constructor(name: string, value: string, values: RegExp | null = knownNames.get(name) ?? valuesOf(name)) {
    this.values = values;
    this.name = name;
    this.value = value;
    this.bytes = fieldBytes(name, value);
    this.isPseudo = name.charCodeAt(0) === colon;
    this.fault = faultOf(name, value, values);
  }
}

function faultOf(name: string, value: string, values: RegExp | null): string | undefined {
  if (values === null) return `${name} is no name of a field`;
  return values.test(value) ? undefined : `${name} has a value that it may not have`;
}

function valuesOf(name: string): RegExp | null {
  if (!goodName.test(name) || connectionFields.has(name)) return null;
  if (knownNames.size < maxKnownNames && name.length <= maxKnownNameLength) knownNames.set(name, goodValue);
  return goodValue;
}
