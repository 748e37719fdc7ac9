/** Calls that answer with many users, as one sequence over all pages. */
import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import { NullValue, type Timestamp, timestampFromMs, type ValueSchema } from "@bufbuild/protobuf/wkt";
import type { CallOptions } from "@connectrpc/connect";
import type { User } from "#gen/rollcall/v1/user_pb.js";
import type { MatchSchema } from "#gen/rollcall/v1/user_service_pb.js";
import type { RollcallClient } from "./client.ts";

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
export function findUsers(
  client: RollcallClient,
  match: UserMatch,
  options: PagingOptions = {},
): AsyncGenerator<User, void, undefined> {
  const sought = matchOf(match);
  return eachUser(options, (page, call) => client.findUsers({ ...page, match: sought }, call));
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

/** The users that meet all conditions, in the order of ListUsers. The server reads all users for it. */
export function scanUsers(
  client: RollcallClient,
  { properties, updatedAfter, createdAfter }: ScanFilter,
  options: PagingOptions<PageOfUsers & { readonly lookedAt: bigint }> = {},
): AsyncGenerator<User, void, undefined> {
  const where = {
    ...(properties !== undefined && { properties }),
    ...(updatedAfter !== undefined && { updatedAfter: timestampOf(updatedAfter) }),
    ...(createdAfter !== undefined && { createdAfter: timestampOf(createdAfter) }),
  };
  return eachUser(options, (page, call) => client.scanUsers({ ...page, where }, call));
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

/** A Match as the contract has it. The server refuses what is none. */
function matchOf({ property, equals, startsWith, present }: UserMatch): MessageInitShape<typeof MatchSchema> {
  if (startsWith !== undefined) return { property, condition: { case: "startsWith", value: startsWith } };
  if (present !== undefined) return { property, condition: { case: "present", value: present } };
  return { property, condition: { case: "equals", value: valueMessage(equals) } };
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

function timestampOf(time: Date | Timestamp): Timestamp {
  return time instanceof Date ? timestampFromMs(time.getTime()) : time;
}
