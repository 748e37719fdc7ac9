/** The answers of handlers, as messages. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { TimestampSchema } from "@bufbuild/protobuf/wkt";
import {
  type CountUsersResponseSchema,
  type GetRegistryResponse_IndexSchema,
  type GetRegistryResponseSchema,
  GetRegistryResponse_Index_State as IndexState,
  Outcome,
  PreferencesMode,
} from "#gen/rollcall/v1/user_service_pb.js";
import type {
  BatchGetUsersResponseSchema,
  IdentifyResponseSchema,
  ScanUsersResponseSchema,
  UserSchema,
} from "#gen-server/rollcall/server/v1/wire_pb.js";
import { invalidRequest } from "../users/errors.ts";
import { type Index, isMaintained } from "../users/indexes/indexed-property.ts";
import type { AnswerSize, UserView } from "../users/reading.ts";
import type { Page, UsersFound } from "../users/registry.ts";
import type { ScannedPage } from "../users/search/scan.ts";
import type { Progress } from "../users/store.ts";
import type { ToldIdentified, ToldOutcome } from "./disclosure.ts";
import type { Encoding } from "./messages/request-reader.ts";
import type { DescribedRegistry } from "./user-handlers.ts";

export const outcomes: Record<ToldOutcome, Outcome> = {
  created: Outcome.CREATED,
  updated: Outcome.UPDATED,
  unchanged: Outcome.UNCHANGED,
  applied: Outcome.APPLIED,
};

export function identifyMessage({
  user,
  outcome,
  ignored,
}: ToldIdentified): MessageInitShape<typeof IdentifyResponseSchema> {
  return { ...oneUserMessage(user), outcome: outcomes[outcome], ignoredProperties: [...ignored] };
}

/** The answer of GetUser and SetPreferences. */
export function oneUserMessage(user: UserView | undefined): { user?: MessageInitShape<typeof UserSchema> } {
  return user === undefined ? {} : { user: userMessage(user) };
}

export function usersFoundMessage(found: UsersFound): MessageInitShape<typeof BatchGetUsersResponseSchema> {
  const { users, missingIds, unreadIds, damagedIds } = found;
  return {
    users: users.map(userMessage),
    missingIds: [...missingIds],
    unreadIds: [...unreadIds],
    damagedIds: [...damagedIds],
  };
}

/** The answer of ListUsers and FindUsers. */
export function pageMessage({ users, damagedCount, nextPageToken }: Page) {
  return { users: users.map(userMessage), damagedCount, nextPageToken };
}

export function scannedMessage(page: ScannedPage): MessageInitShape<typeof ScanUsersResponseSchema> {
  return { ...pageMessage(page), lookedAt: BigInt(page.lookedAt) };
}

export function countMessage(count: number): MessageInitShape<typeof CountUsersResponseSchema> {
  return { count: BigInt(count) };
}

export function registryMessage({
  version,
  requiredProperties,
  principal,
  store,
  progress,
}: DescribedRegistry): MessageInitShape<typeof GetRegistryResponseSchema> {
  return {
    version,
    requiredProperties: [...requiredProperties],
    ...(principal && { principal: { name: principal.name, scopes: [...principal.scopes].sort() } }),
    ...(store && {
      storeId: store.storeId,
      features: [...store.features].sort(),
      generation: BigInt(store.generation),
      indexes: store.indexes.filter(isMaintained).map((index) => indexMessage(index, progress)),
    }),
  };
}

function indexMessage(
  { property, folded, state }: Index,
  progress: Progress | undefined,
): MessageInitShape<typeof GetRegistryResponse_IndexSchema> {
  if (state === "ready") return { property, folded, state: IndexState.READY };
  const { done = 0, total = 0 } = progress ?? {};
  return { property, folded, state: IndexState.BUILDING, usersDone: BigInt(done), usersTotal: BigInt(total) };
}

function userMessage(user: UserView): MessageInitShape<typeof UserSchema> {
  const { id, properties, preferences, etag } = user;
  // A user that validate_only would create has no times.
  const times =
    user.createdAt === 0 ? {} : { createdAt: timestamp(user.createdAt), updatedAt: timestamp(user.updatedAt) };
  return { id, properties, preferences, etag, ...times };
}

function timestamp(micros: number): MessageInitShape<typeof TimestampSchema> {
  return { seconds: BigInt(Math.floor(micros / 1_000_000)), nanos: (micros % 1_000_000) * 1_000 };
}

/**
 * @returns whether to merge preferences
 * @throws UserError INVALID_ENUM_VALUE
 */
export function readPreferencesMode(mode: PreferencesMode): boolean {
  if (PreferencesMode[mode] !== undefined) return mode === PreferencesMode.MERGE;
  const description = `${mode} is not a PreferencesMode`;
  throw invalidRequest([{ field: "mode", reason: "INVALID_ENUM_VALUE", description }]);
}

/** At least the bytes of a user in an answer, beside its id and its Structs. */
const userFrameBytes = { binary: 128, json: 320 };

/** The bytes of a user in an answer, or a few more. */
export const userSizes: Readonly<Record<Encoding, AnswerSize>> = {
  binary: ({ id, properties, preferences }) =>
    userFrameBytes.binary + Buffer.byteLength(id) + properties.length + preferences.length,
  json: ({ id, properties, preferences }) =>
    userFrameBytes.json + 2 * Buffer.byteLength(id) + jsonSizeOfStruct(properties) + jsonSizeOfStruct(preferences),
};

/**
 * A byte of text takes at most six in JSON, as `\u0001`. All bytes that JSON escapes count as six. A Struct's tags are among them,
 * which leaves room for long numbers and for punctuation.
 */
function jsonSizeOfStruct(struct: Uint8Array): number {
  let size = 0;
  for (const byte of struct) size += byte < 0x20 || byte === 0x22 || byte === 0x5c ? 6 : 1;
  return size;
}
