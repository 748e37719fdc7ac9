/**
 * Requests of every method, in both encodings, made of one small thing again and again: whatever takes a decoder more than
 * its bytes. Each is about as large as asked for.
 */
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { oneOf, type Random } from "../random.ts";
import { binaryShape, entry, field } from "./binary.ts";
import { jsonShape } from "./json.ts";

export interface RequestShape {
  readonly method: keyof typeof UserService.method;
  readonly encoding: "binary" | "json";
  readonly bytes: Buffer;
  /** What it is made of, for whoever reads a failure. */
  readonly made: string;
}

const methods = Object.keys(UserService.method) as RequestShape["method"][];

/** One text of the same size: what the others are compared with. */
export function textRequest(encoding: RequestShape["encoding"], size: number): RequestShape {
  const made = "one text";
  const text = Buffer.alloc(Math.max(0, size - 50), "x");
  const bytes =
    encoding === "json"
      ? Buffer.from(`{"id":"u","properties":{"x":"${text}"}}`)
      : Buffer.concat([field(1, Buffer.from("u")), field(2, entry("x", field(3, text)))]);
  return { method: "identify", encoding, bytes, made };
}

/** Records of a person's orders in JSON: what a server is made for. */
export function ordinaryRequest(size: number): RequestShape {
  const order = (at: number) =>
    `{"number":${1_000_000 + at},"title":"Analytical Engine, second part","tags":["brass","é"],"paid":true,"by":null}`;
  const orders = Array.from({ length: Math.floor(size / Buffer.byteLength(`${order(0)},`)) }, (_, at) => order(at));
  const bytes = Buffer.from(`{"id":"u","properties":{"orders":[${orders}]}}`);
  return { method: "identify", encoding: "json", bytes, made: "ordinary records" };
}

export function randomShape(random: Random, size: number): RequestShape {
  const method = oneOf(random, methods);
  return random() < 0.5 ? jsonShape(random, method, size) : binaryShape(random, method, size);
}
