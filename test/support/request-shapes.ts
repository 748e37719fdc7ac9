/**
 * Requests of every method, in both encodings, made of one small thing again and again: whatever takes a decoder more than
 * its bytes. Each is about as large as asked for.
 */
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { below, oneOf, type Random } from "./random.ts";

export interface RequestShape {
  readonly method: keyof typeof UserService.method;
  readonly encoding: "binary" | "json";
  readonly bytes: Buffer;
  /** What it is made of, for whoever reads a failure. */
  readonly made: string;
}

const methods = Object.keys(UserService.method) as RequestShape["method"][];
const structFields: Partial<Record<RequestShape["method"], readonly string[]>> = {
  identify: ["properties", "set_once"],
  batchIdentify: ["properties", "set_once"],
  setPreferences: ["preferences"],
};
const listFields: Record<RequestShape["method"], readonly string[]> = {
  identify: ["unset"],
  batchIdentify: ["unset", "requests"],
  getUser: ["only_properties"],
  batchGetUsers: ["ids", "only_properties"],
  listUsers: ["only_properties"],
  setPreferences: [],
  deleteUser: [],
};

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

export function randomShape(random: Random, size: number): RequestShape {
  const method = oneOf(random, methods);
  return random() < 0.5 ? jsonShape(random, method, size) : binaryShape(random, method, size);
}

// ---- JSON

const scalars = [
  "0",
  "-0",
  "1e9",
  "123456789",
  "null",
  "true",
  '""',
  '"a"',
  '"é"',
  '"\\n"',
  '"\\u0041"',
  '"\\ud83d\\ude00"',
  "[]",
  "{}",
];

function jsonShape(random: Random, method: RequestShape["method"], size: number): RequestShape {
  const made: string[] = [];
  const inStruct = structFields[method];
  const kinds: (() => string)[] = [
    () => unknownNames(random, size, made),
    () => sameName(random, size, made),
    () => listOfTexts(random, method, size, made),
  ];
  if (inStruct !== undefined) {
    const struct = () => `"${oneOf(random, inStruct)}":${jsonStruct(random, size, made)}`;
    kinds.push(struct, struct, struct, struct);
  }
  if (method === "batchIdentify" && random() < 0.4) return manyItems(random, size);
  const fields = oneOf(random, kinds)();
  const isItem = method === "batchIdentify" && !fields.startsWith('"requests"');
  const text = isItem ? `{"requests":[{"id":"u",${fields}}]}` : `{"id":"u",${fields}}`;
  const cut = random() < 0.05 ? text.slice(0, -1) : text;
  return { method, encoding: "json", bytes: Buffer.from(cut), made: made.join(" ") };
}

/** As many items as a batch may have, or a few. */
function manyItems(random: Random, size: number): RequestShape {
  const count = oneOf(random, [16, 250, 1_000]);
  const made: string[] = [];
  const name = oneOf(random, ["", '"a":1,"a":2,']);
  const list = repeated(random, Math.max(1, Math.floor(size / count) - 60), made);
  const item = `{"id":"u","properties":{${name}"z":[${list}]}}`;
  const text = `{"requests":[${Array.from({ length: count }, () => item).join(",")}]}`;
  return {
    method: "batchIdentify",
    encoding: "json",
    bytes: Buffer.from(text),
    made: `${count} items with ${name} ${made.join(" ")}`,
  };
}

function jsonStruct(random: Random, size: number, made: string[]): string {
  switch (below(random, 5)) {
    case 0:
      made.push("nested lists");
      return `{"x":${"[".repeat(size / 2)}${"]".repeat(size / 2)}}`;
    case 1:
      made.push("nested objects");
      return `{"x":${'{"a":'.repeat(size / 6)}0${"}".repeat(size / 6)}}`;
    case 2:
      return `{${numbered(random, size, made)}}`;
    case 3: {
      const count = 1 + below(random, 400);
      const lists = Array.from({ length: count }, (_, at) => `"p${at}":[${repeated(random, size / count, made)}]`);
      return `{${lists.join(",")}}`;
    }
    default:
      return `{"x":[${repeated(random, size, made)}]}`;
  }
}

function repeated(random: Random, size: number, made: string[]): string {
  const value = smallJson(random, 3);
  if (made.length < 3) made.push(`list of ${value}`);
  const gap = oneOf(random, ["", "", "", " ", "\n\t"]);
  const count = Math.max(1, Math.floor(size / (value.length + 1 + gap.length)));
  return `${`${value},${gap}`.repeat(count - 1)}${value}`;
}

function smallJson(random: Random, depth: number): string {
  const kind = depth === 0 ? 0 : below(random, 4);
  if (kind < 2) return oneOf(random, scalars);
  const items = Array.from({ length: 1 + below(random, 3) }, () => smallJson(random, depth - 1));
  return kind === 2 ? `[${items.join(",")}]` : `{${items.map((item, at) => `"${at}":${item}`).join(",")}}`;
}

/** Names that all differ. */
function numbered(random: Random, size: number, made: string[]): string {
  const value = oneOf(random, scalars);
  made.push(`names with ${value}`);
  const prefix = oneOf(random, ["", "k", "é", "long".repeat(20)]);
  const count = Math.max(1, Math.floor(size / (Buffer.byteLength(prefix) + value.length + 8)));
  return Array.from({ length: count }, (_, at) => `"${prefix}${at.toString(36)}":${value}`).join(",");
}

function unknownNames(random: Random, size: number, made: string[]): string {
  made.push("unknown fields:");
  return numbered(random, size, made);
}

function sameName(random: Random, size: number, made: string[]): string {
  const one = oneOf(random, ['"id":"u"', '"properties":{}', '"validate_only":true', '"precondition":{"exists":true}']);
  made.push(`again and again ${one}`);
  return Array.from({ length: Math.floor(size / (one.length + 1)) }, () => one).join(",");
}

function listOfTexts(random: Random, method: RequestShape["method"], size: number, made: string[]): string {
  const name = oneOf(random, [...listFields[method], "unset"]);
  const value =
    name === "requests" ? oneOf(random, ["{}", '{"id":""}', '{"id":"u"}']) : oneOf(random, ['""', '"a"', '"é"']);
  made.push(`${name} of ${value}`);
  return `"${name}":[${Array.from({ length: Math.floor(size / (value.length + 1)) }, () => value).join(",")}]`;
}

// ---- binary

/** The most bytes of one Struct with which a batch has several, as each may be within its limits. */
const partBytes = [1_000, 60_000, 250_000, Number.POSITIVE_INFINITY] as const;

function binaryShape(random: Random, method: RequestShape["method"], size: number): RequestShape {
  const made: string[] = [];
  const id = field(1, Buffer.from("u"));
  const isBatch = method === "batchIdentify";
  const part = isBatch ? Math.min(size, oneOf(random, partBytes)) : size;
  const item = () => Buffer.concat([id, binaryFields(random, part, made)]);
  if (!isBatch || random() < 0.2) return { method, encoding: "binary", bytes: item(), made: made.join(" ") };
  const one = field(1, item());
  const count = Math.max(1, Math.floor(size / one.length));
  made.push(`in ${count} items`);
  return {
    method,
    encoding: "binary",
    bytes: Buffer.concat(Array.from({ length: count }, () => one)),
    made: made.join(" "),
  };
}

function binaryFields(random: Random, size: number, made: string[]): Buffer {
  switch (below(random, 4)) {
    case 0: {
      const one = smallField(random, 1 + below(random, 16), 2);
      return filled(one, size, "fields", made);
    }
    case 1: {
      const one = smallField(random, 1 + below(random, 6), 2);
      return field(2 + below(random, 2), filled(one, size, "a Struct of", made));
    }
    case 2: {
      const value = oneOf(random, values)(random);
      const list = field(6, filled(field(1, value), size, "a list of", made));
      return field(2, entry("x", list));
    }
    default: {
      const value = oneOf(random, values)(random);
      made.push(`entries of ${value.toString("hex")}`);
      const count = Math.max(1, Math.floor(size / (value.length + 14)));
      const isFalling = random() < 0.5;
      const names = Array.from({ length: count }, (_, at) => String(100_000_000 + (isFalling ? count - at : at)));
      return field(2, Buffer.concat(names.map((name) => entry(name, value))));
    }
  }
}

/** google.protobuf.Values, canonical and not. */
const values: readonly ((random: Random) => Buffer)[] = [
  () => Buffer.of(0x08, 0),
  () => Buffer.of(0x08, 0x80, 0),
  () => Buffer.of(0x20, 1),
  () => Buffer.from("110000000000000000", "hex"),
  () => Buffer.of(0x1a, 0),
  () => field(3, Buffer.from("é")),
  () => Buffer.of(0x32, 0),
  () => Buffer.of(0x2a, 0),
  () => Buffer.alloc(0),
  () => Buffer.of(0x32, 0, 0x32, 0),
  () => Buffer.of(0x7a, 0, 0x08, 0),
  () => field(5, entry("a", Buffer.of(0x08, 0))),
  (random) => smallField(random, 1 + below(random, 7), 3),
];

/** A field of any wire type that has a length of a few bytes. */
function smallField(random: Random, number: number, depth: number): Buffer {
  switch (below(random, 5)) {
    case 0:
      return Buffer.concat([tag(number, 0), Buffer.of(below(random, 128))]);
    case 1:
      return Buffer.concat([tag(number, random() < 0.5 ? 1 : 5), Buffer.alloc(random() < 0.5 ? 8 : 4)]);
    case 2:
      return field(number, Buffer.alloc(below(random, 4), below(random, 128)));
    default:
      return depth === 0
        ? field(number, Buffer.alloc(0))
        : field(number, smallField(random, 1 + below(random, 7), depth - 1));
  }
}

function filled(one: Buffer, size: number, of: string, made: string[]): Buffer {
  made.push(`${of} ${one.toString("hex")}`);
  const count = Math.max(1, Math.floor(size / one.length));
  return Buffer.alloc(count * one.length, one);
}

function entry(name: string, value: Buffer): Buffer {
  return field(1, Buffer.concat([field(1, Buffer.from(name)), field(2, value)]));
}

function field(number: number, content: Uint8Array): Buffer {
  return Buffer.concat([tag(number, 2), varint(content.length), content]);
}

function tag(number: number, wireType: number): Buffer {
  return varint((number << 3) | wireType);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Buffer.from([...bytes, rest]);
}
