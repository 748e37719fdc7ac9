/** A contract whose requests cannot be read whole is refused when the server starts. */
import {
  FieldDescriptorProtoSchema,
  ListValueSchema,
  MixinSchema,
  OptionSchema,
  StructSchema,
  ValueSchema,
} from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { formOf } from "../../src/rpc/messages/request-form.ts";

test.each([
  ["a list without a limit", ListValueSchema, "no limit is declared for google.protobuf.ListValue.values"],
  ["a map", StructSchema, "google.protobuf.Struct.fields is a map"],
  ["a list inside of a message", FieldDescriptorProtoSchema, "google.protobuf.FieldOptions.targets is a list"],
  ["a message in a oneof", ValueSchema, "google.protobuf.Value.struct_value cannot be in a oneof"],
])("a request with %s is refused by the field's name", (_, desc, message) => {
  expect(() => formOf(desc, desc, {})).toThrow(message);
});

test.each([
  ["scalars", MixinSchema],
  ["a message of scalars", OptionSchema],
])("a request with %s is read", (_, desc) => {
  expect([...formOf(desc, desc, {}).byNumber.values()].map(({ kind }) => kind)).toEqual(desc.fields.map(() => "plain"));
});
