/** What is read and written straight from bytes is what protobuf-es reads and writes. */
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BatchIdentifyRequestSchema as Contract, IdentifyRequestSchema } from "#gen/rollcall/v1/user_service_pb.js";
import {
  BatchIdentifyRequestSchema,
  GetUserResponseSchema,
  IdentifyResponseSchema,
  IdentifyRequestSchema as Wire,
} from "#gen-server/rollcall/server/v1/wire_pb.js";
import { prefixBytes } from "../../src/rpc/envelopes.ts";
import { readBatchIdentifyRequest, readIdentifyRequest } from "../../src/rpc/grpc/read-identify.ts";
import { writeIdentified, writeOneUser } from "../../src/rpc/grpc/write-user.ts";
import { identifyMessage, oneUserMessage } from "../../src/rpc/user-messages.ts";
import type { UserView } from "../../src/users/reading.ts";
import type { Identified } from "../../src/users/registry.ts";
import { parseUserId } from "../../src/users/user-id.ts";
import { repeats } from "../support/repeats.ts";
import { canonical } from "../support/struct.ts";

const text = fc.string({ unit: "binary", maxLength: 20 });
const json = fc.dictionary(text, fc.jsonValue({ maxDepth: 3 }), { maxKeys: 5 });
const timestamp = fc.record({
  seconds: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  nanos: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
});
const condition = fc.oneof(
  fc.record({ case: fc.constant("exists" as const), value: fc.boolean() }),
  fc.record({ case: fc.constant("etag" as const), value: text }),
  fc.constant({ case: undefined }),
);
const request = fc.record(
  {
    id: text,
    properties: json,
    setOnce: json,
    unset: fc.array(text, { maxLength: 4 }),
    precondition: fc.record({ condition }),
    observedAt: timestamp,
    validateOnly: fc.boolean(),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<MessageInitShape<typeof IdentifyRequestSchema>>;

/** Bytes that are nearly a message: some changed, left out, put in, or repeated. */
type Damage = { at: number; kind: "change" | "remove" | "insert" | "cut" | "repeat"; byte: number }[];
const damage: fc.Arbitrary<Damage> = fc.array(
  fc.record({
    at: fc.nat(),
    kind: fc.constantFrom("change", "remove", "insert", "cut", "repeat"),
    byte: fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(0x0a, 0x12, 0x1a, 0x22, 0x2a, 0x32, 0x38, 0x3a, 0x80)),
  }),
  { maxLength: 4 },
);

function damaged(bytes: Uint8Array, changes: Damage): Uint8Array {
  return changes.reduce<Uint8Array>((now, { at, kind, byte }) => {
    const place = now.length === 0 ? 0 : at % now.length;
    const [before, after] = [now.subarray(0, place), now.subarray(place)];
    switch (kind) {
      case "change":
        return Buffer.concat([before, Buffer.of(byte), after.subarray(1)]);
      case "remove":
        return Buffer.concat([before, after.subarray(1)]);
      case "insert":
        return Buffer.concat([before, Buffer.of(byte), after]);
      case "cut":
        return before;
      default:
        return Buffer.concat([now, now]);
    }
  }, bytes);
}

/** What a reading comes to, in a form that can be compared: without what protobuf-es adds, bytes as hexadecimal text. */
function outcomeOf(read: () => object): unknown {
  try {
    return plain(read());
  } catch (error) {
    return `cannot be read: ${error instanceof Error ? error.message : error}`;
  }
}

function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).filter(([name, field]) => !name.startsWith("$") && field !== undefined);
  return Object.fromEntries(fields.map(([name, field]) => [name, plain(field)]));
}

const runs = { numRuns: repeats(6_000), seed: Number(process.env["TEST_SEED"] ?? 1) };

describe("an IdentifyRequest is read as protobuf-es reads it", () => {
  test("whatever it holds", () => {
    fc.assert(
      fc.property(request, (init) => {
        const bytes = toBinary(IdentifyRequestSchema, create(IdentifyRequestSchema, init));
        expect(outcomeOf(() => readIdentifyRequest(bytes))).toEqual(outcomeOf(() => fromBinary(Wire, bytes)));
      }),
      runs,
    );
  });

  test("however it is damaged", () => {
    fc.assert(
      fc.property(request, damage, (init, changes) => {
        const bytes = damaged(toBinary(IdentifyRequestSchema, create(IdentifyRequestSchema, init)), changes);
        expect(outcomeOf(() => readIdentifyRequest(bytes))).toEqual(outcomeOf(() => fromBinary(Wire, bytes)));
      }),
      runs,
    );
  });

  test("in one pass, however often a field is repeated", () => {
    const times = repeats(100_000);
    const many = Buffer.alloc(2 * times, "2200", "hex");
    const { properties, setOnce, unset } = readIdentifyRequest(
      Buffer.concat([Buffer.from("12001a001200", "hex"), many]),
    );
    expect([properties.length, setOnce.length, unset.length]).toEqual([2, 1, times]);
    expect(readIdentifyRequest(Buffer.alloc(0))).toMatchObject({ properties: [], setOnce: [], unset: [] });
  });

  test("in a batch, whole or damaged", () => {
    const batch = fc.record({ requests: fc.array(request, { maxLength: 4 }), report: fc.nat({ max: 300 }) });
    fc.assert(
      fc.property(batch, damage, (init, changes) => {
        const bytes = damaged(toBinary(Contract, create(Contract, init)), changes);
        expect(outcomeOf(() => readBatchIdentifyRequest(bytes))).toEqual(
          outcomeOf(() => fromBinary(BatchIdentifyRequestSchema, bytes)),
        );
      }),
      runs,
    );
  });
});

describe("an answer is written as protobuf-es writes it", () => {
  const properties = json.map((value) => {
    const { "": _, ...named } = value;
    return canonical(named as Parameters<typeof canonical>[0]);
  });
  const micros = fc.oneof(fc.nat(), fc.integer({ min: 1, max: 2 ** 53 - 1 }), fc.constant(1_700_000_000_000_000));
  const user = fc
    .record({
      id: fc.oneof(fc.string({ unit: "grapheme", minLength: 1, maxLength: 80 }), fc.constant("customer-1")),
      properties,
      preferences: properties,
      createdAt: micros,
      updatedAt: micros,
      etag: fc.constantFrom("", "abcdefghijklmnopqrst"),
    })
    .map(({ id, ...rest }): UserView => {
      const parsed = parseUserId(Buffer.from(id));
      if (typeof parsed !== "string") throw new Error(parsed.description);
      return { id: parsed, ...rest };
    });
  const withoutPrefix = (envelope: Buffer) => {
    expect(envelope[0]).toBe(0);
    expect(envelope.readUInt32BE(1)).toBe(envelope.length - prefixBytes);
    return envelope.subarray(prefixBytes).toString("hex");
  };

  test("of one user", () => {
    fc.assert(
      fc.property(user, (view) => {
        const message = create(GetUserResponseSchema, oneUserMessage(view));
        const written = Buffer.from(toBinary(GetUserResponseSchema, message)).toString("hex");
        expect(withoutPrefix(writeOneUser(view))).toBe(written);
      }),
      runs,
    );
  });

  test("of an Identify", () => {
    const identified = fc.record({
      user,
      outcome: fc.constantFrom("created", "updated", "unchanged"),
      ignored: fc.array(text, { maxLength: 3 }),
    }) as fc.Arbitrary<Identified>;
    fc.assert(
      fc.property(identified, (answer) => {
        const message = create(IdentifyResponseSchema, identifyMessage(answer));
        const written = Buffer.from(toBinary(IdentifyResponseSchema, message)).toString("hex");
        expect(withoutPrefix(writeIdentified(answer))).toBe(written);
      }),
      runs,
    );
  });
});
