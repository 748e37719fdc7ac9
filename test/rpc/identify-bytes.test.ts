/** The fast readers and writers agree with protobuf-es. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BatchIdentifyRequestSchema as Contract, IdentifyRequestSchema } from "#gen/rollcall/v1/user_service_pb.js";
import {
  BatchIdentifyRequestSchema,
  FindUsersResponseSchema,
  GetUserResponseSchema,
  IdentifyResponseSchema,
  IdentifyRequestSchema as Wire,
} from "#gen-server/rollcall/server/v1/wire_pb.js";
import type { ToldIdentified } from "../../src/rpc/disclosure.ts";
import { prefixBytes } from "../../src/rpc/messages/envelopes.ts";
import { readBatchIdentifyRequest, readIdentifyRequest } from "../../src/rpc/messages/read-identify.ts";
import { writeIdentified, writeOneUser, writePage } from "../../src/rpc/messages/write-user.ts";
import { identifyMessage, oneUserMessage, pageMessage } from "../../src/rpc/user-messages.ts";
import { limits } from "../../src/users/limits.ts";
import { allValid } from "../../src/users/parsed.ts";
import type { UserView } from "../../src/users/reading.ts";
import { parseUserId } from "../../src/users/user-id.ts";
import { damage, damaged, outcomeOf } from "../support/message-readers.ts";
import { json, request, text } from "../support/random-identifies.ts";
import { repeats } from "../support/repeats.ts";
import { canonical } from "../support/struct.ts";

const runs = { numRuns: repeats(6_000), seed: Number(process.env["TEST_SEED"] ?? 1) };

describe("an IdentifyRequest is read as protobuf-es reads it", () => {
  test("with any content", () => {
    fc.assert(
      fc.property(request, (init) => {
        const bytes = toBinary(IdentifyRequestSchema, create(IdentifyRequestSchema, init));
        expect(outcomeOf(() => readIdentifyRequest(bytes) ?? expect.fail("it was not read"))).toEqual(
          outcomeOf(() => fromBinary(Wire, bytes)),
        );
      }),
      runs,
    );
  });

  test("with any damage, or falls back to protobuf-es", () => {
    let direct = 0;
    fc.assert(
      fc.property(request, damage, (init, changes) => {
        const bytes = damaged(toBinary(IdentifyRequestSchema, create(IdentifyRequestSchema, init)), changes);
        const read = readIdentifyRequest(bytes);
        if (read === undefined) return;
        expect(outcomeOf(() => read)).toEqual(outcomeOf(() => fromBinary(Wire, bytes)));
        direct++;
      }),
      runs,
    );
    expect(direct).toBeGreaterThan(runs.numRuns / 10);
  });

  test("unless a field is repeated more often than usual", () => {
    const unset = (times: number) => readIdentifyRequest(Buffer.alloc(2 * times, "2200", "hex"))?.unset;
    expect(unset(limits.maxProperties)).toHaveLength(limits.maxProperties);
    expect(unset(limits.maxProperties + 1)).toBeUndefined();
    const pieces = readIdentifyRequest(Buffer.from("12001a001200", "hex"));
    expect([pieces?.properties.length, pieces?.setOnce.length]).toEqual([2, 1]);
    expect(readIdentifyRequest(Buffer.alloc(100, "1200", "hex"))).toBeUndefined();
    expect(readIdentifyRequest(Buffer.alloc(0))).toMatchObject({ properties: [], setOnce: [], unset: [] });
  });

  test("in a batch, whole or damaged", () => {
    let direct = 0;
    const batch = fc.record({ requests: fc.array(request, { maxLength: 4 }), report: fc.nat({ max: 300 }) });
    fc.assert(
      fc.property(batch, damage, (init, changes) => {
        const bytes = damaged(toBinary(Contract, create(Contract, init)), changes);
        const read = readBatchIdentifyRequest(bytes);
        if (read === undefined) return;
        expect(outcomeOf(() => read)).toEqual(outcomeOf(() => fromBinary(BatchIdentifyRequestSchema, bytes)));
        direct++;
      }),
      runs,
    );
    expect(direct).toBeGreaterThan(runs.numRuns / 10);
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
      const [parsed] = allValid(parseUserId(Buffer.from(id)));
      return { id: parsed, ...rest };
    });
  const userOrNone = fc.option(user, { nil: undefined });
  const withoutPrefix = (envelope: Buffer) => {
    expect(envelope[0]).toBe(0);
    expect(envelope.readUInt32BE(1)).toBe(envelope.length - prefixBytes);
    return envelope.subarray(prefixBytes).toString("hex");
  };

  test("of one user", () => {
    fc.assert(
      fc.property(userOrNone, (view) => {
        const message = create(GetUserResponseSchema, oneUserMessage(view));
        const written = Buffer.from(toBinary(GetUserResponseSchema, message)).toString("hex");
        expect(withoutPrefix(writeOneUser(view))).toBe(written);
      }),
      runs,
    );
  });

  test("of a page", () => {
    const page = fc.record({
      users: fc.array(user, { maxLength: 3 }),
      nextPageToken: fc.constantFrom("", "AbCd_-", "ü"),
      damagedCount: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 2 ** 31 - 1 })),
    });
    fc.assert(
      fc.property(page, (answer) => {
        const message = create(FindUsersResponseSchema, pageMessage(answer));
        const written = Buffer.from(toBinary(FindUsersResponseSchema, message)).toString("hex");
        expect(withoutPrefix(writePage(answer))).toBe(written);
      }),
      runs,
    );
  });

  test("of an Identify", () => {
    const identified = fc.record({
      user: userOrNone,
      outcome: fc.constantFrom("created", "updated", "unchanged", "applied"),
      ignored: fc.array(text, { maxLength: 3 }),
    }) as fc.Arbitrary<ToldIdentified>;
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
