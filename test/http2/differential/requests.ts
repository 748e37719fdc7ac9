/** Header lists of requests, right and wrong. */
import type { Field } from "../../support/http2-header-encoder.ts";
import { below, oneOf, type Random } from "../../support/random.ts";
import { paths } from "./handler.ts";

export interface RequestPlan {
  readonly fields: readonly Field[];
  /** The length that `content-length` announces. */
  readonly announced: number | undefined;
  readonly method: string;
}

const names = ["x-a", "x-b", "accept", "user-agent", "x-long", "grpc-timeout", "content-type", "authorization"];
/** Fields that Node joins, or of which it keeps one. */
const repeated = ["x-a", "cookie", "accept", "user-agent", "authorization", "set-cookie", "date", "age"];

export function requestPlan(random: Random): RequestPlan {
  const method = oneOf(random, ["POST", "POST", "POST", "GET", "GET", "PUT", "OPTIONS", "HEAD", "CONNECT"]);
  const announced = method !== "CONNECT" && random() < 0.25 ? below(random, 3_000) : undefined;
  const fields: Field[] = [[":method", method]];
  const authority: Field = [":authority", oneOf(random, ["localhost", "127.0.0.1:80", "[::1]:1"])];
  if (method === "CONNECT") {
    return { fields: [...fields, authority, ...moreFields(random)], announced, method };
  }
  const query = random() < 0.1 ? "?a=b%20c" : "";
  fields.push([":scheme", oneOf(random, ["http", "https"])], [":path", oneOf(random, paths) + query], authority);
  if (announced !== undefined) fields.push(["content-length", String(announced)]);
  if (random() < 0.05) fields.push(["expect", oneOf(random, ["100-continue", "100-Continue", "soup"])]);
  if (random() < 0.2) fields.push(["te", "trailers"]);
  return { fields: [...fields, ...moreFields(random)], announced, method };
}

function moreFields(random: Random): Field[] {
  const fields = Array.from({ length: below(random, 4) }, (): Field => [oneOf(random, names), value(random)]);
  if (random() < 0.1) {
    const name = oneOf(random, repeated);
    fields.push([name, value(random)], [name, value(random)]);
  }
  return fields;
}

function value(random: Random): string {
  return oneOf(random, ["", "1", "a b", "gzip, br", "x".repeat(below(random, 300)), "caf\u00e9", "a,b;c=d", "\u00ff"]);
}

export function trailerFields(random: Random): Field[] {
  return Array.from({ length: below(random, 3) }, (): Field => [oneOf(random, ["x-t", "x-u"]), value(random)]);
}

/** Makes a header list wrong. */
export type Spoil = (fields: readonly Field[], random: Random) => readonly Field[];

const at = (fields: readonly Field[], random: Random, more: Field): readonly Field[] =>
  fields.toSpliced(below(random, fields.length + 1), 0, more);
const behind =
  (...more: Field[]): Spoil =>
  (fields) => [...fields, ...more];
const without =
  (name: string): Spoil =>
  (fields) =>
    fields.filter(([known]) => known !== name);
const having =
  (name: string, its: string): Spoil =>
  (fields) =>
    fields.map((field) => (field[0] === name ? [name, its] : field));

/** Each breaks a rule of RFC 9113, sections 8.2 and 8.3, or comes close to that. */
export const spoils: Readonly<Record<string, Spoil>> = {
  "upper case": behind(["X-Upper", "1"]),
  "empty name": behind(["", "1"]),
  "space in a name": behind(["x y", "1"]),
  "colon in a name": behind(["x:y", "1"]),
  "control in a name": behind(["x\u0001", "1"]),
  "high name": behind(["x\u00e9", "1"]),
  "NUL in a value": behind(["x-a", "a\0b"]),
  "LF in a value": behind(["x-a", "a\nb"]),
  "CR in a value": behind(["x-a", "a\rb"]),
  "control in a value": behind(["x-a", "a\u0001b"]),
  "DEL in a value": behind(["x-a", "a\u007fb"]),
  "tab in a value": behind(["x-a", "a\tb"]),
  "leading space": behind(["x-a", " a"]),
  "trailing tab": behind(["x-a", "a\t"]),
  connection: behind(["connection", "close"]),
  "keep-alive": behind(["keep-alive", "1"]),
  "proxy-connection": behind(["proxy-connection", "x"]),
  "transfer-encoding": behind(["transfer-encoding", "chunked"]),
  upgrade: behind(["upgrade", "websocket"]),
  te: behind(["te", "gzip"]),
  "te upper": behind(["te", "Trailers"]),
  "no method": without(":method"),
  "no path": without(":path"),
  "no scheme": without(":scheme"),
  "no authority": without(":authority"),
  "empty path": having(":path", ""),
  "empty method": having(":method", ""),
  "empty scheme": having(":scheme", ""),
  "empty authority": having(":authority", ""),
  "path without a slash": having(":path", "echo"),
  "absolute path": having(":path", "http://localhost/echo"),
  "star path": having(":path", "*"),
  "space in the path": having(":path", "/a b"),
  "control in the path": having(":path", "/a\u0001"),
  "high path": having(":path", "/\u00e9"),
  "bad scheme": having(":scheme", "1http"),
  "bad method": having(":method", "G T"),
  "userinfo in the authority": having(":authority", "user@localhost"),
  "slash in the authority": having(":authority", "a/b"),
  "unknown pseudo-header": (fields) => [[":unknown", "1"], ...fields],
  ":status in a request": (fields) => [[":status", "200"], ...fields],
  ":protocol": (fields) => [[":protocol", "websocket"], ...fields],
  "pseudo-header twice": (fields, random) => {
    const first = fields[below(random, Math.min(3, fields.length))];
    return first === undefined ? fields : [first, ...fields];
  },
  "pseudo-header behind": (fields) =>
    fields.toSorted(([a], [b]) => Number(a.startsWith(":")) - Number(b.startsWith(":"))),
  "pseudo-header after a field": (fields, random) => at(fields, random, ["x-a", "1"]),
  host: (fields) => [...without(":authority")(fields, Math.random), ["host", "localhost"]],
  "another host": behind(["host", "elsewhere"]),
  "two hosts": behind(["host", "localhost"], ["host", "localhost"]),
  "content-length of letters": behind(["content-length", "abc"]),
  "negative content-length": behind(["content-length", "-1"]),
  "signed content-length": behind(["content-length", "+1"]),
  "empty content-length": behind(["content-length", ""]),
  "content-length list": behind(["content-length", "3, 3"]),
  "content-length twice": behind(["content-length", "3"], ["content-length", "3"]),
  "content-length differs": behind(["content-length", "3"], ["content-length", "4"]),
  "huge content-length": behind(["content-length", "99999999999999999999"]),
  "content-length of 2^53": behind(["content-length", "9007199254740993"]),
  "many fields": behind(...Array.from({ length: 150 }, (_, index): Field => [`x-${index}`, "1"])),
  "too many bytes": behind(...Array.from({ length: 20 }, (_, index): Field => [`x-${index}`, "y".repeat(1_000)])),
  "far too many bytes": behind(...Array.from({ length: 70 }, (_, index): Field => [`x-${index}`, "y".repeat(1_000)])),
};
