import { toJsonString } from "@bufbuild/protobuf";
import { type User, UserSchema } from "#gen/rollcall/v1/user_pb.js";

/** Users as lines of JSON, like `rollcall list --all`. An import reads them. */
export function ndjsonOf(users: readonly User[]): string {
  return users.map((user) => `${toJsonString(UserSchema, user, { useProtoFieldName: true })}\n`).join("");
}
