import type { IncomingHttpHeaders } from "node:http";
import { ConnectionError } from "./errors.ts";
import type { FieldSink } from "./hpack/decoder.ts";
import type { RequestField } from "./hpack/request-field.ts";
import { limits } from "./limits.ts";
import { errorCode } from "./protocol.ts";

/** The head of a request, by the names of Node's HTTP/2: `:method`, `:path`, `:scheme` and `:authority` are among the headers. */
export class RequestHead {
  /** By names in lower case. Repeated fields are joined, as Node joins them. Requests may share them, so nobody may change them. */
  readonly headers: Readonly<IncomingHttpHeaders>;
  /** Whether the list is larger than the limit. Then fields beyond it are missing. */
  readonly isTooLarge: boolean;
  readonly #fields: readonly RequestField[];

  constructor(headers: IncomingHttpHeaders, fields: readonly RequestField[], isTooLarge: boolean) {
    this.headers = headers;
    this.isTooLarge = isTooLarge;
    this.#fields = fields;
  }

  /** Names and values in turn, as they came. Few ask for them, so they are made for those who do. */
  get rawHeaders(): readonly string[] {
    const raw: string[] = [];
    for (const { name, value } of this.#fields) raw.push(name, value);
    return raw;
  }
}

/** Of a request whose head nobody needs any more. */
export const noHead: RequestHead = new RequestHead({}, [], false);

/** Fields of which Node takes the first alone. */
const singleFields: ReadonlySet<string> = new Set(
  (
    "access-control-allow-credentials access-control-max-age access-control-request-method age authorization content-encoding " +
    "content-language content-length content-location content-md5 content-range content-type date dnt etag expires from host " +
    "if-match if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards " +
    "proxy-authorization range referer retry-after tk upgrade-insecure-requests user-agent x-content-type-options"
  ).split(" "),
);

/** Headers by name. A plain object without a prototype is a hash table in V8, which costs twice as much time and memory. */
class FieldsByName {
  [name: string]: string;
  static {
    Reflect.setPrototypeOf(FieldsByName.prototype, null);
    Reflect.deleteProperty(FieldsByName.prototype, "constructor");
  }
}

/** Gathers the fields of one header block, and checks them by RFC 9113, section 8. */
export class FieldList implements FieldSink {
  #fields: RequestField[] = [];
  #headers = new FieldsByName();
  #bytes = 0;
  #fault: string | undefined;
  #isTrailers = false;
  #hasRegular = false;
  #head: RequestHead | undefined;
  #isShared = false;

  /** Begins anew. */
  begin(isTrailers: boolean): void {
    this.#fields = [];
    this.#headers = new FieldsByName();
    this.#bytes = 0;
    this.#fault = undefined;
    this.#isTrailers = isTrailers;
    this.#hasRegular = false;
    this.#head = undefined;
    this.#isShared = false;
  }

  /** Whether the list is of trailers. */
  get isTrailers(): boolean {
    return this.#isTrailers;
  }

  /** Lets another request have the same head. One must not change the headers of the other. */
  share(): void {
    if (this.#isShared) return;
    this.#isShared = true;
    Object.freeze(this.head.headers);
  }

  /** The size of the list, as section 6.5.2 counts it. Fields beyond the limit count. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @throws ConnectionError for a list beyond what is decoded */
  field(field: RequestField): void {
    const { name, value, fault } = field;
    this.#bytes += field.bytes;
    if (this.#bytes > limits.decodedHeaderBytes) {
      throw new ConnectionError(errorCode.enhanceYourCalm, "a block of headers stands for too much", "header_block");
    }
    if (this.#bytes > limits.headerListBytes) return;
    const headers = this.#headers;
    const existing = headers[name];
    if (fault !== undefined) this.#fault ??= fault;
    if (!field.isPseudo) this.#hasRegular = true;
    else if (this.#isTrailers || this.#hasRegular || existing !== undefined) {
      this.#fault ??= `${name} has no place there`;
    }
    this.#fields.push(field);
    if (existing === undefined) headers[name] = value;
    else this.#repeat(name, existing, value);
  }

  /** What is wrong with the block, which makes its request malformed: section 8.1.1. */
  get fault(): string | undefined {
    if (this.#fault !== undefined || this.#isTrailers || this.#bytes > limits.headerListBytes) return this.#fault;
    const { ":method": method, ":scheme": scheme, ":path": path, ":authority": authority, host } = this.#headers;
    if (method === undefined) return "it has no :method";
    if (method === "CONNECT") {
      // Section 8.5.
      return scheme === undefined && path === undefined && authority !== undefined
        ? undefined
        : "CONNECT has :authority alone";
    }
    if (scheme === undefined) return "it has no :scheme";
    if (path === undefined || !(path.startsWith("/") || path === "*")) return "its :path does not begin with /";
    if (path === "*" && method !== "OPTIONS") return "its :path is for OPTIONS";
    return authority === undefined && host === undefined ? "it has no :authority" : undefined;
  }

  get head(): RequestHead {
    if (this.#head !== undefined) return this.#head;
    const headers: IncomingHttpHeaders = this.#headers;
    if (headers["set-cookie"] !== undefined) headers["set-cookie"] = this.#valuesOf("set-cookie");
    this.#head = new RequestHead(headers, this.#fields, this.#bytes > limits.headerListBytes);
    return this.#head;
  }

  #valuesOf(wanted: string): string[] {
    return this.#fields.filter(({ name }) => name === wanted).map(({ value }) => value);
  }

  #repeat(name: string, existing: string, value: string): void {
    if (name === "content-length" || name === "host") this.#fault ??= `${name} is there twice`;
    if (singleFields.has(name)) return;
    this.#headers[name] = `${existing}${name === "cookie" ? "; " : ", "}${value}`;
  }
}
