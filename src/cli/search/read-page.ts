import type { ListUsersResponse, ScanUsersResponse } from "#gen/rollcall/v1/user_service_pb.js";
import type { Caller } from "../call.ts";
import type { UserFilter } from "./filter.ts";

export interface PageRequest {
  /** 0 for the server's default. */
  readonly pageSize: number;
  /** Empty for the first page. */
  readonly pageToken: string;
  /** Empty for all. */
  readonly onlyProperties: string[];
}

/**
 * Reads a page of the users that a filter wants, or of all users. The page of a filter may have no users and not be the last.
 *
 * @throws CliError if the call fails
 */
export function readPage(
  call: Caller,
  filter: UserFilter | undefined,
  request: PageRequest,
): Promise<ListUsersResponse | ScanUsersResponse> {
  return filter === undefined
    ? call((users, options) => users.listUsers(request, options))
    : call((users, options) => users.scanUsers({ ...request, where: filter }, options));
}

/** The page size of the server, unless a request has another, and the most that it gives. */
const usualPageSize = 100;
const maxPageSize = 1_000;

/**
 * Reads pages of a scan as one, until it is full or there are no more users.
 *
 * @throws CliError if a call fails
 */
export async function scanPage(call: Caller, where: UserFilter, request: PageRequest): Promise<ScanUsersResponse> {
  const wanted = Math.min(request.pageSize || usualPageSize, maxPageSize);
  const read = (pageSize: number, pageToken: string) =>
    call((users, options) => users.scanUsers({ ...request, where, pageSize, pageToken }, options));
  const page = await read(wanted, request.pageToken);
  while (page.users.length < wanted && page.nextPageToken !== "") {
    const more = await read(wanted - page.users.length, page.nextPageToken);
    page.users.push(...more.users);
    page.lookedAt += more.lookedAt;
    page.damagedCount += more.damagedCount;
    page.nextPageToken = more.nextPageToken;
  }
  return page;
}
