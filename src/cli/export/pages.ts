import type { User } from "#gen/rollcall/v1/user_pb.js";
import type { Caller } from "../call.ts";
import type { UserFilter } from "../search/filter.ts";
import { readPage } from "../search/read-page.ts";

/** The most that the server gives. */
const pageUsers = 1_000;

export interface PagesOptions {
  /** Default: all users. */
  readonly filter?: UserFilter | undefined;
  /** Names of the properties to read; none for all. */
  readonly only?: readonly string[];
  /** Called with how many users a page leaves out because their records are damaged. */
  readonly onDamaged?: (count: number) => void;
}

/**
 * Users, page by page. The next page is requested while one is in use.
 *
 * @throws CliError if a call fails
 */
export async function* userPages(
  call: Caller,
  { filter, only = [], onDamaged }: PagesOptions,
): AsyncGenerator<readonly User[]> {
  const read = (pageToken: string) => {
    const page = readPage(call, filter, { pageSize: pageUsers, pageToken, onlyProperties: [...only] });
    // Its failure is handled where it is awaited.
    page.catch(() => {});
    return page;
  };
  let next: ReturnType<typeof read> | undefined = read("");
  while (next !== undefined) {
    const page: Awaited<ReturnType<typeof read>> = await next;
    if (page.damagedCount > 0) onDamaged?.(page.damagedCount);
    next = page.nextPageToken === "" ? undefined : read(page.nextPageToken);
    yield page.users;
  }
}
