/** Structs in tests: between JSON and bytes, by protobuf-es, and encodings that are valid but far from canonical. */
import { fromBinary, fromJson, type JsonObject, type JsonValue, toBinary, toJson } from "@bufbuild/protobuf";
import { StructSchema, ValueSchema } from "@bufbuild/protobuf/wkt";
import { allValid } from "../../src/users/parsed.ts";
import { canonicalStruct } from "../../src/users/struct/canonical.ts";
import type { CanonicalStruct } from "../../src/users/struct/format.ts";
import type { Random } from "./random.ts";

/** The canonical Struct of JSON properties; fails the test where they are refused. */
export function canonical(properties: JsonObject): CanonicalStruct {
  const [struct] = allValid(canonicalStruct([encode(properties)], "properties"));
  return struct;
}

export function encode(properties: JsonObject): Uint8Array {
  return toBinary(StructSchema, fromJson(StructSchema, properties));
}

export function decode(bytes: Uint8Array): JsonValue {
  return toJson(StructSchema, fromBinary(StructSchema, bytes));
}

/** The canonical bytes of a value, by protobuf-es, as text that sorts as the bytes do. */
export function valueBytes(value: JsonValue): string {
  return Buffer.from(toBinary(ValueSchema, fromJson(ValueSchema, sorted(value)))).toString("hex");
}

/** JSON's own text would make 0 of -0. */
function sorted(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([name, item]): [string, JsonValue] => [name, sorted(item)]);
  return Object.fromEntries(entries.sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
}

/**
 * Encodes properties in one of the many ways that decoders accept: entries in any order, names sent twice, values in
 * several pieces, unknown fields, varints longer than they need to be.
 */
export function encodeSloppily(properties: JsonObject, random: Random): Uint8Array {
  const chance = (probability: number) => random() < probability;

  const shuffled = <Item>(items: readonly Item[]): Item[] =>
    items
      .map((item) => ({ item, rank: random() }))
      .sort((a, b) => a.rank - b.rank)
      .map(({ item }) => item);

  const varint = (value: number): number[] => {
    const bytes: number[] = [];
    for (let rest = value; rest >= 0x80 || bytes.length === 0; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
    const last = value >>> (7 * bytes.length);
    if (last > 0) bytes.push(last | 0x80);
    while (bytes.length < 5 && chance(0.2)) bytes.push(0x80);
    bytes[bytes.length - 1]! &= 0x7f;
    return bytes;
  };
  const field = (number: number, content: readonly number[]) => [
    ...varint((number << 3) | 2),
    ...varint(content.length),
    ...content,
  ];
  const unknown = (): number[] =>
    chance(0.15) ? (chance(0.5) ? field(15, [1, 2, 3]) : [...varint((14 << 3) | 0), ...varint(300)]) : [];

  const struct = (object: JsonObject): number[] =>
    shuffled(Object.entries(object)).flatMap(([name, value]) => {
      const earlier = chance(0.15) ? entry(name, "replaced by what follows") : [];
      return [...earlier, ...entry(name, value), ...unknown()];
    });

  const entry = (name: string, value: JsonValue): number[] => {
    const key = field(1, [...Buffer.from(name)]);
    const content = valuePieces(value).flatMap((piece) => field(2, piece));
    return field(1, [...(chance(0.5) ? [...key, ...content] : [...content, ...key]), ...unknown()]);
  };

  /** The pieces of a Value: decoders merge them. */
  const valuePieces = (value: JsonValue): number[][] => {
    const whole = [...kind(value), ...unknown()];
    if (chance(0.2) && typeof value === "object" && value !== null) {
      const half = Array.isArray(value)
        ? [value.slice(0, 1), value.slice(1)]
        : [Object.fromEntries(Object.entries(value).slice(0, 1)), Object.fromEntries(Object.entries(value).slice(1))];
      return half.map((part) => kind(part));
    }
    return chance(0.1) ? [kind(chance(0.5) ? "an earlier kind" : false), whole] : [whole];
  };

  const kind = (value: JsonValue): number[] => {
    if (value === null) return [...varint(8), ...varint(0)];
    if (typeof value === "number") return [...varint(17), ...new Uint8Array(new Float64Array([value]).buffer)];
    if (typeof value === "string") return field(3, [...Buffer.from(value)]);
    if (typeof value === "boolean") return [...varint(32), ...varint(value ? 1 : 0)];
    if (Array.isArray(value))
      return field(
        6,
        value.flatMap((item) => [...field(1, kind(item)), ...unknown()]),
      );
    return field(5, struct(value));
  };

  return Uint8Array.from(struct(properties));
}
