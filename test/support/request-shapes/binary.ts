/** Requests in protobuf's encoding that are made of one small thing again and again. */
import { below, oneOf, type Random } from "../random.ts";
import type { RequestShape } from "./shape.ts";

/** The most bytes of one Struct with which a batch has several, as each may be within its limits. */
const partBytes = [1_000, 60_000, 250_000, Number.POSITIVE_INFINITY] as const;

/** Puts the entries of a Struct where the method takes one. */
type Holder = (random: Random, struct: Buffer) => Buffer;

/** Methods whose Struct is not a field of the request, or of an item: it is in the request's first field. */
const holders: Partial<Record<RequestShape["method"], Holder>> = {
  // Match.equals, as an object.
  findUsers: (_, struct) => field(2, field(5, struct)),
  countUsers: (_, struct) => field(2, field(5, struct)),
  // UserFilter.properties.
  scanUsers: (_, struct) => field(1, struct),
};
const anyStruct: Holder = (random, struct) => field(2 + below(random, 2), struct);

export function binaryShape(random: Random, method: RequestShape["method"], size: number): RequestShape {
  const made: string[] = [];
  const id = field(1, Buffer.from("u"));
  const isBatch = method === "batchIdentify" || method === "identifyUsers";
  const part = isBatch ? Math.min(size, oneOf(random, partBytes)) : size;
  const holder = holders[method];
  const item = () => {
    const fields = binaryFields(random, part, made, holder ?? anyStruct);
    return holder === undefined ? Buffer.concat([id, fields]) : field(1, fields);
  };
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

function binaryFields(random: Random, size: number, made: string[], hold: Holder): Buffer {
  switch (below(random, 4)) {
    case 0: {
      const one = smallField(random, 1 + below(random, 16), 2);
      return filled(one, size, "fields", made);
    }
    case 1: {
      const one = smallField(random, 1 + below(random, 6), 2);
      return hold(random, filled(one, size, "a Struct of", made));
    }
    case 2: {
      const value = oneOf(random, values)(random);
      const list = field(6, filled(field(1, value), size, "a list of", made));
      return hold(random, entry("x", list));
    }
    default: {
      const value = oneOf(random, values)(random);
      made.push(`entries of ${value.toString("hex")}`);
      const count = Math.max(1, Math.floor(size / (value.length + 14)));
      const isFalling = random() < 0.5;
      const names = Array.from({ length: count }, (_, at) => String(100_000_000 + (isFalling ? count - at : at)));
      return hold(random, Buffer.concat(names.map((name) => entry(name, value))));
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

/** An entry of a Struct. */
export function entry(name: string, value: Buffer): Buffer {
  return field(1, Buffer.concat([field(1, Buffer.from(name)), field(2, value)]));
}

/** A length-delimited field. */
export function field(number: number, content: Uint8Array): Buffer {
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
