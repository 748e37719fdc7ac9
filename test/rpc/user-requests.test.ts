/** All readers of requests agree with protobuf-es. */
import {
  create,
  type DescMessage,
  fromBinary,
  fromJson,
  fromJsonString,
  type JsonValue,
  toBinary,
  toJsonString,
} from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { GetRegistryRequestSchema, UserService } from "#gen/rollcall/v1/user_service_pb.js";
import {
  BatchGetUsersRequestSchema,
  BatchIdentifyRequestSchema,
  CountUsersRequestSchema,
  DeleteUserRequestSchema,
  FindUsersRequestSchema,
  GetUserRequestSchema,
  IdentifyRequestSchema,
  IdentifyUsersRequestSchema,
  ListUsersRequestSchema,
  ScanUsersRequestSchema,
  SetPreferencesRequestSchema,
} from "#gen-server/rollcall/server/v1/wire_pb.js";

import { readBinary } from "../../src/rpc/messages/read-binary.ts";
import { readJson } from "../../src/rpc/messages/read-json.ts";
import { formOf } from "../../src/rpc/messages/request-form.ts";
import { userMethods } from "../../src/rpc/user-methods.ts";

import { canonicalStruct } from "../../src/users/struct/canonical.ts";
import { tags } from "../../src/users/struct/format.ts";
import { damage, damaged, noLimits, outcomeOf } from "../support/message-readers.ts";
import { json, request, text, timestamp } from "../support/random-identifies.ts";
import { repeats } from "../support/repeats.ts";

type Name = keyof typeof userMethods;

const valueMessage = (value: unknown) => fromJson(ValueSchema, value as JsonValue);

const precondition = { condition: { case: "etag" as const, value: "e" } };
const texts = fc.array(text, { maxLength: 4 });
const batch = fc.record({ requests: fc.array(request, { maxLength: 4 }), report: fc.nat({ max: 2 }) });
const pageFields = { pageSize: fc.nat(), pageToken: text, onlyProperties: texts };
const page = fc.record(pageFields);
const match = fc.record({
  property: text,
  condition: fc.oneof(
    fc.record({ case: fc.constant("equals" as const), value: fc.jsonValue({ maxDepth: 2 }).map(valueMessage) }),
    fc.record({ case: fc.constant("startsWith" as const), value: text }),
    fc.record({ case: fc.constant("present" as const), value: fc.boolean() }),
    fc.constant({ case: undefined }),
  ),
});
const where = fc.record({ properties: json, updatedAfter: timestamp, createdAfter: timestamp }, { requiredKeys: [] });
const inits = {
  identify: request,
  getUser: fc.record({ id: text, onlyProperties: texts }),
  batchIdentify: batch,
  identifyUsers: batch,
  batchGetUsers: fc.record({ ids: texts, onlyProperties: texts }),
  listUsers: page,
  findUsers: fc.record({ match, ...pageFields }),
  countUsers: fc.record({ match }, { requiredKeys: [] }),
  scanUsers: fc.record({ where: fc.option(where, { nil: undefined }), ...pageFields }),
  setPreferences: fc.record({
    id: text,
    preferences: json,
    mode: fc.nat({ max: 2 }),
    precondition: fc.constant(precondition),
  }),
  deleteUser: fc.record({ id: text, precondition: fc.constant(precondition), allowMissing: fc.boolean() }),
  getRegistry: fc.constant({}),
} satisfies Record<Name, fc.Arbitrary<unknown>>;

/** The server's views of the requests. */
const wires: Record<Name, DescMessage> = {
  identify: IdentifyRequestSchema,
  getUser: GetUserRequestSchema,
  batchIdentify: BatchIdentifyRequestSchema,
  identifyUsers: IdentifyUsersRequestSchema,
  batchGetUsers: BatchGetUsersRequestSchema,
  listUsers: ListUsersRequestSchema,
  findUsers: FindUsersRequestSchema,
  countUsers: CountUsersRequestSchema,
  scanUsers: ScanUsersRequestSchema,
  setPreferences: SetPreferencesRequestSchema,
  deleteUser: DeleteUserRequestSchema,
  getRegistry: GetRegistryRequestSchema,
};

const lists = {
  requests: "maxBatchItems",
  unset: "maxProperties",
  ids: "maxBatchIds",
  only_properties: "maxProperties",
} as const;

const runs = { numRuns: repeats(3_000), seed: Number(process.env["TEST_SEED"] ?? 1) };

/** An unknown field. */
const padding = Buffer.concat([Buffer.from("7ae804", "hex"), Buffer.alloc(616)]);

const structs = new Set(["properties", "setOnce", "preferences"]);

/** Methods whose requests have a message inside, which may come in pieces. */
const hasMessages: ReadonlySet<Name> = new Set([
  "identify",
  "batchIdentify",
  "identifyUsers",
  "findUsers",
  "countUsers",
  "scanUsers",
  "setPreferences",
  "deleteUser",
]);

/** A message with other values for some of its fields, and those of the messages in it. */
function withFields(message: object, change: (name: string, value: unknown) => unknown): object {
  const entries = Object.entries(message).map(([name, value]): [string, unknown] => {
    if (name === "requests") return [name, (value as object[]).map((item) => withFields(item, change))];
    if (name === "match" || name === "where") return [name, value && withFields(value, change)];
    return [name, change(name, value)];
  });
  return Object.fromEntries(entries);
}

/** A Struct or a Value in pieces is their concatenation; protobuf-es keeps the pieces. */
function joined(message: object): object {
  return withFields(message, (name, value) =>
    structs.has(name) || name === "equals" ? Buffer.concat(value as Buffer[]) : value,
  );
}

/** JSON has the names of a Struct in any order, and of objects and lists to search for only that they are some. */
function meant(message: object): object {
  return withFields(joined(message), (name, value) => {
    if (name === "equals") return isContainer(value as Buffer) ? "an object or a list" : value;
    return structs.has(name) ? canonicalStruct([value as Buffer], name) : value;
  });
}

function isContainer([tag]: Buffer): boolean {
  return tag === tags.structValue || tag === tags.listValue;
}

describe.each(Object.keys(userMethods) as Name[])("%s", (name) => {
  const contract: DescMessage = UserService.method[name].input;
  const wire = wires[name];
  const form = formOf(contract, wire, lists);
  const read = (bytes: Uint8Array) => readBinary(form, bytes);
  const bytesOf = (init: unknown) => toBinary(contract, create(contract, init as Record<string, unknown>));

  test("a message is read as protobuf-es reads it, without its unknown fields", () => {
    fc.assert(
      fc.property(inits[name] as fc.Arbitrary<unknown>, fc.nat(), (init, at) => {
        const bytes = bytesOf(init);
        const padded = at % 2 === 0 ? Buffer.concat([padding, bytes]) : Buffer.concat([bytes, padding]);
        expect(outcomeOf(() => joined(read(padded)))).toEqual(outcomeOf(() => joined(fromBinary(wire, bytes))));
      }),
      runs,
    );
  });

  test("a damaged message is read as protobuf-es reads it, or refused", () => {
    let alike = 0;
    fc.assert(
      fc.property(inits[name] as fc.Arbitrary<unknown>, damage, (init, changes) => {
        const bytes = damaged(bytesOf(init), changes);
        const expected = outcomeOf(() => joined(fromBinary(wire, bytes)));
        const seen = outcomeOf(() => joined(read(bytes)));
        // A field of another wire type is refused; protobuf-es misreads what follows.
        if (typeof seen === "string") return;
        // protobuf-es also looks at the text of a field that is sent again later, and at each piece of a message by itself.
        if (typeof expected === "string" && (expected.includes("utf-8") || hasMessages.has(name))) return;
        expect(seen).toEqual(expected);
        alike++;
      }),
      runs,
    );
    expect(alike).toBeGreaterThan(runs.numRuns / 10);
  });

  test("JSON reads as its binary encoding does", () => {
    fc.assert(
      fc.property(inits[name] as fc.Arbitrary<unknown>, (init) => {
        const message = create(contract, init as Record<string, unknown>);
        let text: string;
        try {
          text = toJsonString(contract, message);
        } catch {
          // A time that JSON cannot write.
          return;
        }
        const seen = readJson(form, Buffer.from(text), noLimits);
        const binary = toBinary(contract, fromJsonString(contract, text));
        expect(outcomeOf(() => meant(seen))).toEqual(outcomeOf(() => meant(fromBinary(wire, binary))));
      }),
      runs,
    );
  });
});

describe("JSON of a batch", () => {
  const form = formOf(UserService.method.batchIdentify.input, wires.batchIdentify, lists);

  test.each([
    ["traits", "requests[1].traits"],
    ["x y", 'requests[1]["x y"]'],
  ])("with the unknown field %j in an item is refused by its path", (key, field) => {
    const text = JSON.stringify({ requests: [{ id: "a" }, { id: "b", [key]: "secret" }] });
    const description = "is no field of rollcall.v1.IdentifyRequest";
    expect(() => readJson(form, Buffer.from(text), noLimits)).toThrow(
      expect.objectContaining({
        message: `${field}: ${description}`,
        violations: [{ field, reason: "MALFORMED_REQUEST", description }],
      }),
    );
  });
});
