/**
 * The methods of UserService as the server carries them out: the contract's names, paths and kinds, over messages that
 * keep every google.protobuf.Struct as its bytes (see proto-server).
 */

import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import {
  BatchGetUsersRequestSchema,
  BatchGetUsersResponseSchema,
  BatchIdentifyRequestSchema,
  DeleteUserRequestSchema,
  GetUserRequestSchema,
  GetUserResponseSchema,
  IdentifyRequestSchema,
  IdentifyResponseSchema,
  ListUsersRequestSchema,
  ListUsersResponseSchema,
  SetPreferencesRequestSchema,
  SetPreferencesResponseSchema,
} from "#gen-server/rollcall/server/v1/wire_pb.js";

const { identify, getUser, batchIdentify, batchGetUsers, listUsers, setPreferences, deleteUser } = UserService.method;

export const wireMethods = {
  identify: { ...identify, input: IdentifyRequestSchema, output: IdentifyResponseSchema },
  getUser: { ...getUser, input: GetUserRequestSchema, output: GetUserResponseSchema },
  batchIdentify: { ...batchIdentify, input: BatchIdentifyRequestSchema },
  batchGetUsers: { ...batchGetUsers, input: BatchGetUsersRequestSchema, output: BatchGetUsersResponseSchema },
  listUsers: { ...listUsers, input: ListUsersRequestSchema, output: ListUsersResponseSchema },
  setPreferences: { ...setPreferences, input: SetPreferencesRequestSchema, output: SetPreferencesResponseSchema },
  deleteUser: { ...deleteUser, input: DeleteUserRequestSchema },
} as const;
