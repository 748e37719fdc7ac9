import { toJsonString } from "@bufbuild/protobuf";
import { type User, UserSchema } from "#gen/rollcall/v1/user_pb.js";

/** Users as lines of JSON, as `rollcall list --all` prints them: an import reads them. */
export function ndjsonOf(users: readonly User[]): string {
  return users.map((user) => `${toJsonString(UserSchema, user, { useProtoFieldName: true })}\n`).join("");
}
