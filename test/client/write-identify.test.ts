/** An import encodes items as protobuf-es would. */
import { create, fromBinary, type JsonObject, type JsonValue, toBinary } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { IdentifyRequestSchema } from "#gen/rollcall/v1/user_service_pb.js";
import { refusalOf, type UserToImport, writeIdentify } from "../../src/client/write-identify.ts";
import { writeStruct } from "../../src/client/write-struct.ts";
import { BackwardWriter } from "../../src/users/struct/backward-writer.ts";
import { condition } from "../support/random-identifies.ts";
import { decode, encode } from "../support/struct.ts";

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 200 }),
  fc.string({ unit: "grapheme-ascii", maxLength: 40 }),
);
const json = fc.dictionary(
  fc.oneof(text, fc.constantFrom("__proto__", "constructor", "1", "")),
  fc.oneof(fc.jsonValue({ maxDepth: 4 }), text),
  { maxKeys: 8 },
);

function written(user: UserToImport, validateOnly = false): Uint8Array | undefined {
  const writer = new BackwardWriter();
  return writeIdentify(writer, user, validateOnly) ? writer.written() : undefined;
}

function structOf(properties: JsonObject): Uint8Array {
  const writer = new BackwardWriter();
  expect(writeStruct(writer, properties)).toBe(true);
  return writer.written();
}

/** Nested objects or lists. */
function nested(depth: number, around: (inner: JsonValue) => JsonValue): JsonValue {
  return depth === 0 ? 1 : around(nested(depth - 1, around));
}

/** The violations of an item that cannot be sent. */
function refused(user: object): [string, string][] {
  expect(written(user as UserToImport)).toBeUndefined();
  const { code, reason, violations } = refusalOf(user as UserToImport);
  expect(code).toBe(3);
  expect(reason).toBe(violations[0]?.reason);
  return violations.map((violation) => [violation.field, violation.reason]);
}

describe("a Struct", () => {
  test("decodes to the same as the encoding of protobuf-es", () => {
    fc.assert(
      fc.property(json, (properties) => {
        expect(decode(structOf(properties as JsonObject))).toEqual(decode(encode(properties as JsonObject)));
      }),
      { numRuns: 300 },
    );
  });

  test("has its names in the order of the object, and is as long as the encoding of protobuf-es", () => {
    const properties = { b: -0, a: [null, true, { z: "é", y: 0.1 }], long: "x".repeat(20_000), c: {}, d: [] };
    expect(Buffer.from(structOf(properties))).toEqual(Buffer.from(encode(properties)));
  });
});

describe("an IdentifyRequest", () => {
  test("has all that the item has", () => {
    const observed = fc.oneof(
      fc.date({ min: new Date(0), max: new Date("2100-01-01"), noInvalidDate: true }),
      fc
        .record({ seconds: fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }), nanos: fc.nat(999_999_999) })
        .map((time) => ({ $typeName: "google.protobuf.Timestamp" as const, ...time })),
    );
    const user = fc.record(
      {
        id: text,
        properties: json,
        setOnce: json,
        unset: fc.array(text, { maxLength: 3 }),
        precondition: fc.record({ condition }),
        observedAt: observed,
      },
      { requiredKeys: ["id"] },
    );
    fc.assert(
      fc.property(user, fc.boolean(), (item, validateOnly) => {
        const read = fromBinary(
          IdentifyRequestSchema,
          written(item as UserToImport, validateOnly) ?? new Uint8Array(1),
        );
        const { observedAt, ...others } = item;
        const sent = create(IdentifyRequestSchema, { ...others, validateOnly } as object);
        const expected = fromBinary(IdentifyRequestSchema, toBinary(IdentifyRequestSchema, sent));
        expect({ ...read, observedAt: undefined }).toEqual({ ...expected, observedAt: undefined });
        if (observedAt instanceof Date) expect(read.observedAt && timestampDate(read.observedAt)).toEqual(observedAt);
        else expect(read.observedAt).toEqual(observedAt);
      }),
      { numRuns: 200 },
    );
  });

  test("with parts that cannot be sent is refused with their paths", () => {
    const cyclic: Record<string, unknown> = {};
    cyclic["self"] = cyclic;
    const properties = {
      text: "\ud800",
      number: Number.NaN,
      list: [1, [Number.POSITIVE_INFINITY]],
      "bad \udc00 name": 1,
      missing: undefined,
      date: new Date(0),
      map: new Map(),
      big: 1n,
    };
    expect(refused({ id: "u", properties, unset: ["fine", "\udfff"] })).toEqual([
      ["properties.text", "INVALID_PROPERTY"],
      ["properties.number", "INVALID_PROPERTY"],
      ["properties.list[1][0]", "INVALID_PROPERTY"],
      ['properties["bad \ufffd name"]', "INVALID_PROPERTY"],
      ["properties.missing", "INVALID_PROPERTY"],
      ["properties.date", "INVALID_PROPERTY"],
      ["properties.map", "INVALID_PROPERTY"],
      ["properties.big", "INVALID_PROPERTY"],
      ["unset[1]", "INVALID_PROPERTY"],
    ]);
    expect(refused({ id: "u", properties: cyclic })[0]?.[1]).toBe("LIMIT_EXCEEDED");
    expect(refused({ id: "\ud800" })).toEqual([["id", "INVALID_ID"]]);
    expect(refused({ id: 7 })).toEqual([["id", "INVALID_ID"]]);
    expect(refused({ id: "u", setOnce: [] })).toEqual([["set_once", "INVALID_PROPERTY"]]);
    expect(refused({ id: "u", observedAt: new Date(Number.NaN) })).toEqual([["observed_at", "INVALID_OBSERVED_AT"]]);
    expect(refused({ id: "u", precondition: { condition: { case: "etag", value: Object.create(null) } } })).toEqual([
      ["precondition", "INVALID_PRECONDITION"],
    ]);
    expect(refused({ id: "u", properties: Array.from({ length: 30 }, () => 1n).entries() })).toHaveLength(1);
    expect(refused({ id: "u", properties: { list: Array.from({ length: 30 }, () => 1n) } })).toHaveLength(20);
  });

  test("larger than any message is refused with the part that is too large", () => {
    const large = { text: "x".repeat(5 * 2 ** 20) };
    expect(refused({ id: "u", properties: large })).toEqual([["properties", "LIMIT_EXCEEDED"]]);
    expect(refused({ id: "u", setOnce: large })).toEqual([["set_once", "LIMIT_EXCEEDED"]]);
    expect(refused({ id: large.text })).toEqual([["id", "LIMIT_EXCEEDED"]]);
    expect(refused({ id: "u", unset: [large.text] })).toEqual([["unset[0]", "LIMIT_EXCEEDED"]]);
    const condition = { case: "etag", value: large.text };
    expect(refused({ id: "u", precondition: { condition } })).toEqual([["precondition", "LIMIT_EXCEEDED"]]);
  });

  test.for([
    ["lists", (inner: JsonValue) => [inner]] as const,
    ["objects", (inner: JsonValue) => ({ inner })] as const,
  ])("is refused for %s in one another where the server refuses them", ([, around]) => {
    expect(written({ id: "u", properties: { deep: nested(24, around) } })).toBeDefined();
    expect(refused({ id: "u", properties: { deep: nested(25, around) } })[0]?.[1]).toBe("LIMIT_EXCEEDED");
  });
});
