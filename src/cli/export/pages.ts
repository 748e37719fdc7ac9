import type { User } from "#gen/rollcall/v1/user_pb.js";
import type { ListUsersResponse } from "#gen/rollcall/v1/user_service_pb.js";
import type { Caller } from "../call.ts";

/** As many as the server gives. */
const pageUsers = 1_000;

/**
 * All users, page by page. The next page is asked for while one is worked on.
 *
 * @param only the names of the properties that are wanted; none for all
 * @param onDamaged told how many users a page leaves out, because what is stored of them is damaged
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
    // It is waited for later, and fails then.
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
