/**
 * The table of UserService's methods: everything that the server needs to know of a method beside its handler. Both handlers and
 * the gate are built from it.
 */
import type { DescMethod } from "@bufbuild/protobuf";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import {
  BatchGetUsersRequestSchema,
  BatchGetUsersResponseSchema,
  CountUsersRequestSchema,
  DeleteUserRequestSchema,
  FindUsersRequestSchema,
  FindUsersResponseSchema,
  GetUserRequestSchema,
  GetUserResponseSchema,
  IdentifyRequestSchema,
  IdentifyResponseSchema,
  IdentifyUsersRequestSchema,
  ListUsersRequestSchema,
  ListUsersResponseSchema,
  ScanUsersRequestSchema,
  ScanUsersResponseSchema,
  SetPreferencesRequestSchema,
  SetPreferencesResponseSchema,
} from "#gen-server/rollcall/server/v1/wire_pb.js";
import { batchLists, batchReader } from "./batch-identify.ts";
import { readBatchIdentifyRequest, readIdentifyRequest } from "./messages/read-identify.ts";
import { writeIdentified, writeOneUser, writePage } from "./messages/write-user.ts";
import { type StreamMethod, stream, type UnaryMethod, unary } from "./method.ts";
import {
  countMessage,
  identifyMessage,
  oneUserMessage,
  pageMessage,
  registryMessage,
  scannedMessage,
  usersFoundMessage,
} from "./user-messages.ts";

const { method } = UserService;
const onlyProperties = { only_properties: "maxProperties" } as const;

export const userMethods = {
  identify: unary(method.identify, {
    scope: "users.write",
    input: IdentifyRequestSchema,
    output: IdentifyResponseSchema,
    lists: { unset: "maxProperties" },
    readFast: readIdentifyRequest,
    serve: ({ identify }) => identify,
    message: identifyMessage,
    writeFast: writeIdentified,
  }),
  getUser: unary(method.getUser, {
    scope: "users.get",
    input: GetUserRequestSchema,
    output: GetUserResponseSchema,
    lists: onlyProperties,
    serve: ({ getUser }) => getUser,
    message: oneUserMessage,
    writeFast: writeOneUser,
  }),
  batchIdentify: stream(method.batchIdentify, {
    scope: "users.write",
    reader: batchReader,
    serve: ({ batchIdentify }) => batchIdentify,
  }),
  identifyUsers: unary(method.identifyUsers, {
    scope: "users.write",
    input: IdentifyUsersRequestSchema,
    output: method.identifyUsers.output,
    lists: batchLists,
    readFast: readBatchIdentifyRequest,
    serve: ({ identifyUsers }) => identifyUsers,
    message: (answer) => answer,
  }),
  batchGetUsers: unary(method.batchGetUsers, {
    scope: "users.get",
    input: BatchGetUsersRequestSchema,
    output: BatchGetUsersResponseSchema,
    lists: { ids: "maxBatchIds", ...onlyProperties },
    serve: ({ batchGetUsers }) => batchGetUsers,
    message: usersFoundMessage,
  }),
  listUsers: unary(method.listUsers, {
    scope: "users.read",
    input: ListUsersRequestSchema,
    output: ListUsersResponseSchema,
    lists: onlyProperties,
    serve: ({ listUsers }) => listUsers,
    message: pageMessage,
    writeFast: writePage,
  }),
  findUsers: unary(method.findUsers, {
    scope: "users.read",
    input: FindUsersRequestSchema,
    output: FindUsersResponseSchema,
    lists: onlyProperties,
    serve: ({ findUsers }) => findUsers,
    message: pageMessage,
    writeFast: writePage,
  }),
  countUsers: unary(method.countUsers, {
    scope: "users.read",
    input: CountUsersRequestSchema,
    output: method.countUsers.output,
    serve: ({ countUsers }) => countUsers,
    message: countMessage,
  }),
  scanUsers: unary(method.scanUsers, {
    scope: "users.read",
    input: ScanUsersRequestSchema,
    output: ScanUsersResponseSchema,
    lists: onlyProperties,
    serve: ({ scanUsers }) => scanUsers,
    message: scannedMessage,
  }),
  setPreferences: unary(method.setPreferences, {
    scope: "users.write",
    input: SetPreferencesRequestSchema,
    output: SetPreferencesResponseSchema,
    serve: ({ setPreferences }) => setPreferences,
    message: oneUserMessage,
    writeFast: writeOneUser,
  }),
  deleteUser: unary(method.deleteUser, {
    scope: "users.delete",
    input: DeleteUserRequestSchema,
    output: method.deleteUser.output,
    serve: ({ deleteUser }) => deleteUser,
    message: () => ({}),
  }),
  getRegistry: unary(method.getRegistry, {
    scope: undefined,
    input: method.getRegistry.input,
    output: method.getRegistry.output,
    serve: ({ getRegistry }) => getRegistry,
    message: registryMessage,
  }),
} satisfies Record<keyof typeof method, UnaryMethod | StreamMethod>;

function pathOf({ parent, name }: DescMethod): string {
  return `/${parent.typeName}/${name}`;
}

/** What Connect's handler needs to know of each method, by its path. */
export const userMethodsByPath = new Map(Object.values(userMethods).map((row) => [pathOf(row.method), row]));
