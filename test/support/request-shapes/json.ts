/** Requests in JSON that are made of one small thing again and again. */
import { below, oneOf, type Random } from "../random.ts";
import type { RequestShape } from "./shape.ts";

const structFields: Partial<Record<RequestShape["method"], readonly string[]>> = {
  identify: ["properties", "set_once"],
  batchIdentify: ["properties", "set_once"],
  identifyUsers: ["properties", "set_once"],
  setPreferences: ["preferences"],
};
/** Around a Struct, or an object in its place, that is not a field of the request itself. */
const structsInside: Partial<Record<RequestShape["method"], readonly [before: string, after: string]>> = {
  findUsers: ['"match":{"property":"p","equals":', "}"],
  countUsers: ['"match":{"property":"p","equals":', "}"],
  scanUsers: ['"where":{"properties":', "}"],
};
const listFields: Record<RequestShape["method"], readonly string[]> = {
  identify: ["unset"],
  batchIdentify: ["unset", "requests"],
  identifyUsers: ["unset", "requests"],
  getUser: ["only_properties"],
  batchGetUsers: ["ids", "only_properties"],
  listUsers: ["only_properties"],
  findUsers: ["only_properties"],
  countUsers: [],
  scanUsers: ["only_properties"],
  setPreferences: [],
  deleteUser: [],
  getRegistry: [],
};

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

export function jsonShape(random: Random, method: RequestShape["method"], size: number): RequestShape {
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
  const inside = structsInside[method];
  if (inside !== undefined) {
    const [before, after] = inside;
    const name = before.slice(0, before.indexOf("{") + 1);
    kinds.push(
      () => `${before}${jsonStruct(random, size, made)}${after}`,
      () => `${name}${oneOf(random, [unknownNames, sameName])(random, size, made)}}`,
      () => `${name}"property":${longText(random, size, made)}}`,
      () => `${before}${longText(random, size, made)}${after}`,
      () => `${name}"startsWith":${longText(random, size, made)}}`,
    );
  }
  const isBatch = method === "batchIdentify" || method === "identifyUsers";
  if (isBatch && random() < 0.4) return manyItems(random, method, size);
  const fields = oneOf(random, kinds)();
  const isItem = isBatch && !fields.startsWith('"requests"');
  const id = inside === undefined ? `"id":"u",` : "";
  const text = isItem ? `{"requests":[{${id}${fields}}]}` : `{${id}${fields}}`;
  const cut = random() < 0.05 ? text.slice(0, -1) : text;
  return { method, encoding: "json", bytes: Buffer.from(cut), made: made.join(" ") };
}

/** As many items as a batch may have, or a few. */
function manyItems(random: Random, method: RequestShape["method"], size: number): RequestShape {
  const count = oneOf(random, [16, 250, 1_000]);
  const made: string[] = [];
  const name = oneOf(random, ["", '"a":1,"a":2,']);
  const list = repeated(random, Math.max(1, Math.floor(size / count) - 60), made);
  const item = `{"id":"u","properties":{${name}"z":[${list}]}}`;
  const text = `{"requests":[${Array.from({ length: count }, () => item).join(",")}]}`;
  return {
    method,
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

/** Of letters that take their time when they are read, brought to a normal form, or folded. */
function longText(random: Random, size: number, made: string[]): string {
  const letter = oneOf(random, ["a", "é", "e\u0301", "\\u00e9", "\\n", "\u0390", "\u1100\u1161\u11a8", "\u0301"]);
  made.push(`text of ${letter}`);
  return `"${letter.repeat(Math.floor(size / Buffer.byteLength(letter)))}"`;
}

function listOfTexts(random: Random, method: RequestShape["method"], size: number, made: string[]): string {
  const name = oneOf(random, [...listFields[method], "unset"]);
  const value =
    name === "requests" ? oneOf(random, ["{}", '{"id":""}', '{"id":"u"}']) : oneOf(random, ['""', '"a"', '"é"']);
  made.push(`${name} of ${value}`);
  return `"${name}":[${Array.from({ length: Math.floor(size / (value.length + 1)) }, () => value).join(",")}]`;
}
