/** Calls that answer with many users, as one sequence over all pages. */
import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import { NullValue, type Timestamp, timestampFromMs, type ValueSchema } from "@bufbuild/protobuf/wkt";
import type { CallOptions } from "@connectrpc/connect";
import type { User } from "#gen/rollcall/v1/user_pb.js";
import type { MatchSchema, UserFilterSchema } from "#gen/rollcall/v1/user_service_pb.js";
import type { RollcallClient } from "./client.ts";
import { refusal } from "./request-checks.ts";

/** Which value an indexed property must have: the fields of a Match, where they are documented. */
export type UserMatch = { readonly property: string } & (
  | { readonly equals: string | number | boolean; readonly startsWith?: never; readonly present?: never }
  | { readonly startsWith: string; readonly equals?: never; readonly present?: never }
  | { readonly present: true; readonly equals?: never; readonly startsWith?: never }
);

/** Which users a scan returns: the fields of a UserFilter, where they are documented. */
export interface ScanFilter {
  readonly properties?: JsonObject | undefined;
  readonly updatedAfter?: Date | Timestamp | undefined;
  readonly createdAfter?: Date | Timestamp | undefined;
}

/** One page, without its users. */
export interface PageOfUsers {
  /** The token of the next page; empty after the last page. */
  readonly nextPageToken: string;
  /** How many users the page leaves out because their records are damaged. */
  readonly damagedCount: number;
}

/** Options of the calls, which hold for each page, and how to page. */
export interface PagingOptions<Page = PageOfUsers> extends CallOptions {
  /** Only these properties of each user. Default: all. */
  readonly onlyProperties?: readonly string[] | undefined;
  /** The most users of a page, up to 1,000. Default: 1,000. */
  readonly pageSize?: number | undefined;
  /** Where to begin: the `nextPageToken` of an earlier page. Default: the first page. */
  readonly pageToken?: string | undefined;
  /** Called after each page, once its last user has been taken. From its `nextPageToken` on, a later call can resume. */
  readonly onPage?: ((page: Page) => void) | undefined;
}

const maxPageSize = 1_000;

/** All users, in the order of ListUsers. A page is read once its first user is wanted. */
export function listUsers(client: RollcallClient, options: PagingOptions = {}): AsyncGenerator<User, void, undefined> {
  return eachUser(options, (page, call) => client.listUsers(page, call));
}

/**
 * The users that match, in the order of FindUsers.
 *
 * @throws RollcallError, among others with the reason PROPERTY_NOT_INDEXED or INDEX_NOT_READY
 */
export async function* findUsers(
  client: RollcallClient,
  match: UserMatch,
  options: PagingOptions = {},
): AsyncGenerator<User, void, undefined> {
  const sought = matchOf(match);
  yield* eachUser(options, (page, call) => client.findUsers({ ...page, match: sought }, call));
}

/**
 * How many users match; without a match, how many there are.
 *
 * @throws RollcallError as findUsers
 */
export async function countUsers(
  client: RollcallClient,
  match?: UserMatch,
  options: CallOptions = {},
): Promise<number> {
  const { count } = await client.countUsers(match === undefined ? {} : { match: matchOf(match) }, options);
  return Number(count);
}

/**
 * The users that meet all conditions, in the order of ListUsers. The server reads all users for it.
 *
 * @throws RollcallError, among others with the reason INVALID_FILTER
 */
export async function* scanUsers(
  client: RollcallClient,
  filter: ScanFilter,
  options: PagingOptions<PageOfUsers & { readonly lookedAt: bigint }> = {},
): AsyncGenerator<User, void, undefined> {
  const where = filterOf(filter);
  yield* eachUser(options, (page, call) => client.scanUsers({ ...page, where }, call));
}

interface PageRequest {
  readonly pageSize: number;
  readonly pageToken: string;
  readonly onlyProperties: string[];
}

async function* eachUser<Page extends PageOfUsers>(
  options: PagingOptions<Page>,
  read: (page: PageRequest, call: CallOptions) => Promise<Page & { readonly users: readonly User[] }>,
): AsyncGenerator<User, void, undefined> {
  const { onlyProperties = [], pageSize = maxPageSize, pageToken: first = "", onPage, ...call } = options;
  let pageToken = first;
  do {
    const page = await read({ pageSize, pageToken, onlyProperties: [...onlyProperties] }, call);
    yield* page.users;
    onPage?.(page);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
}

/**
 * A Match as the contract has it. The server refuses what is none.
 *
 * @throws RollcallError if there are several conditions, of which a message has only one
 */
function matchOf(match: UserMatch): MessageInitShape<typeof MatchSchema> {
  const { equals, startsWith, present, ...others } = match;
  const count = [equals, startsWith, present].filter((condition) => condition !== undefined).length;
  if (count > 1) {
    const description = `has ${count} conditions: one of equals, startsWith and present is required`;
    throw refusal([{ field: "match", reason: "INVALID_MATCH", description }]);
  }
  // The checks of requests refuse fields that a Match does not have.
  if (startsWith !== undefined) return { ...others, condition: { case: "startsWith", value: startsWith } };
  if (present !== undefined) return { ...others, condition: { case: "present", value: present } };
  return { ...others, condition: { case: "equals", value: valueMessage(equals) } };
}

/** @throws RollcallError if a time is an invalid Date */
function filterOf({
  properties,
  updatedAfter,
  createdAfter,
  ...others
}: ScanFilter): MessageInitShape<typeof UserFilterSchema> {
  return {
    // The checks of requests refuse fields that a UserFilter does not have.
    ...others,
    ...(properties !== undefined && { properties }),
    ...(updatedAfter !== undefined && { updatedAfter: timestampOf("where.updated_after", updatedAfter) }),
    ...(createdAfter !== undefined && { createdAfter: timestampOf("where.created_after", createdAfter) }),
  };
}

/** Values of other kinds become null, which no index holds: the server refuses them. */
function valueMessage(value: string | number | boolean): MessageInitShape<typeof ValueSchema> {
  switch (typeof value) {
    case "string":
      return { kind: { case: "stringValue", value } };
    case "number":
      return { kind: { case: "numberValue", value } };
    case "boolean":
      return { kind: { case: "boolValue", value } };
    default:
      return { kind: { case: "nullValue", value: NullValue.NULL_VALUE } };
  }
}

/** @throws RollcallError if it is an invalid Date */
function timestampOf(field: string, time: Date | Timestamp): Timestamp {
  if (!(time instanceof Date)) return time;
  if (!Number.isNaN(time.getTime())) return timestampFromMs(time.getTime());
  throw refusal([{ field, reason: "INVALID_FILTER", description: "is an invalid Date" }]);
}
