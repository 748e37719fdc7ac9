import type { User } from "#gen/rollcall/v1/user_pb.js";
import type { ListUsersResponse } from "#gen/rollcall/v1/user_service_pb.js";
import type { Caller } from "../call.ts";

/** The most that the server gives. */
const pageUsers = 1_000;

/**
 * All users, page by page. The next page is requested while one is in use.
 *
 * @param only names of the properties to read; none for all
 * @param onDamaged called with how many users a page leaves out because their records are damaged
 * @throws CliError if a call fails
 */
export async function* listPages(
  call: Caller,
  only: readonly string[],
  onDamaged: (count: number) => void = () => {},
): AsyncGenerator<readonly User[]> {
  const read = (pageToken: string) => {
    const request = { pageSize: pageUsers, pageToken, onlyProperties: [...only] };
    const page = call((users, options) => users.listUsers(request, options));
    // Its failure is handled where it is awaited.
    page.catch(() => {});
    return page;
  };
  let next: Promise<ListUsersResponse> | undefined = read("");
  while (next !== undefined) {
    const page: ListUsersResponse = await next;
    if (page.damagedCount > 0) onDamaged(page.damagedCount);
    next = page.nextPageToken === "" ? undefined : read(page.nextPageToken);
    yield page.users;
  }
}
