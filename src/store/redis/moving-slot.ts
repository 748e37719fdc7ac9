/**
 * Users whose slot is moving from one primary to another.
 *
 *     at rest ── TRYAGAIN: the keys of a script are at both primaries ──▶ moving
 *        ▲                                                                  │
 *        └────────────────────── the next call to the store ────────────────┘
 *
 * At rest, a script is about many users, and their partition's listing and indexes. While the slot moves, a script is about one user:
 * Redis finds a single key at either primary, so users that exist are read and updated. What takes a second key too, as to create or
 * delete a user takes the listing, the script postpones, with all that follows for the same user. Lanes park what is postponed and send
 * it in a later call (see ../lanes/lanes.ts).
 */
import type { UserId } from "../../users/user-id.ts";
import { eachShare, sharesOf } from "../shares.ts";
import { SlotMovingError } from "./failures.ts";

/**
 * @param together works on items of many users at once
 * @param alone works on the items of one user, while the slot moves; told whether they may have been applied before
 */
export async function togetherOrAlone<Item, Result>(
  items: readonly Item[],
  userOf: (item: Item) => UserId,
  together: () => Promise<readonly Result[]>,
  alone: (items: readonly Item[], repeated: boolean) => Promise<readonly Result[]>,
): Promise<readonly Result[]> {
  try {
    return await together();
  } catch (error) {
    if (!(error instanceof SlotMovingError)) throw error;
    return eachShare(sharesOf(items, userOf), (share) => alone(share, error.repeated));
  }
}
