/** The server's view of the contract has the contract's fields. */
import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { describe, expect, expectTypeOf, test } from "vitest";
import { type ErrorReason, ErrorReasonSchema } from "#gen/rollcall/v1/errors_pb.js";
import { file_rollcall_v1_user } from "#gen/rollcall/v1/user_pb.js";
import { file_rollcall_v1_user_service } from "#gen/rollcall/v1/user_service_pb.js";
import { file_rollcall_server_v1_wire } from "#gen-server/rollcall/server/v1/wire_pb.js";
import { codeOf } from "../../src/rpc/errors.ts";
import type { Reason } from "../../src/users/errors.ts";

const contract = new Map<string, DescMessage>(
  [...file_rollcall_v1_user.messages, ...file_rollcall_v1_user_service.messages].map((message) => [
    message.name,
    message,
  ]),
);

/** A field's type by name; messages that the wire view has too go by their short names. */
function typeOf(field: DescField): string {
  const type = field.message?.typeName ?? field.enum?.typeName ?? String(field.scalar);
  return type.replace(/^rollcall\.(server\.)?v1\./, "");
}

const bytes = "12";
const text = "9";
const encodedMessages: readonly string[] = ["google.protobuf.Struct", "google.protobuf.Value"];

describe.each(file_rollcall_server_v1_wire.messages)("$name", (message) => {
  test("has the contract's fields; Structs, Values, ids and names as bytes", () => {
    const counterpart = contract.get(message.name);
    expect(message.fields.map(({ number, name }) => ({ number, name }))).toEqual(
      counterpart?.fields.map(({ number, name }) => ({ number, name })),
    );
    for (const field of message.fields) {
      const original = counterpart?.fields.find(({ number }) => number === field.number);
      if (original === undefined) expect.fail(`${field.name} is not in the contract`);
      if (typeOf(field) === bytes && encodedMessages.includes(typeOf(original))) {
        // It is there or not: in pieces, or one with presence.
        expect([field.fieldKind, field.presence]).toBeOneOf([
          ["list", FeatureSet_FieldPresence.IMPLICIT],
          ["scalar", FeatureSet_FieldPresence.EXPLICIT],
        ]);
      } else if (typeOf(field) === bytes) {
        expect(typeOf(original)).toBe(text);
        expect([field.fieldKind, field.presence]).toEqual([original.fieldKind, original.presence]);
      } else {
        expect(typeOf(field)).toBe(typeOf(original));
        expect(field.fieldKind).toBe(original.fieldKind);
      }
    }
  });
});

test("every reason of the contract has a code, and every reason here is in the contract", () => {
  // The compiler checks it: `npm run types`.
  expectTypeOf<Reason>().toEqualTypeOf<Exclude<keyof typeof ErrorReason, "UNSPECIFIED">>();
  const names = ErrorReasonSchema.values.map(({ name }) => name.replace("ERROR_REASON_", "")).slice(1);
  for (const name of names) expect(Code[codeOf(name as Reason)], name).toBeDefined();
});
