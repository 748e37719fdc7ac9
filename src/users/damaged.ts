/** Records of users that are there and cannot be read. */
import type { StoredUser } from "./store.ts";
import type { UserId } from "./user-id.ts";

/**
 * What of a record cannot be read: all of it, its times and etag, or one of its parts. In this order, from 1, the stores'
 * packed form and scripts have them.
 */
export const damagedParts = ["record", "meta", "properties", "preferences", "observed"] as const;

export type DamagedPart = (typeof damagedParts)[number];

/** Stands in the place of a user whose record cannot be read. */
export interface DamagedUser {
  readonly id: UserId;
  readonly damaged: DamagedPart;
}

export function isDamaged(user: StoredUser | DamagedUser | undefined): user is DamagedUser {
  return user !== undefined && "damaged" in user;
}
