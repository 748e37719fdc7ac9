/** Users whose records cannot be read. */
import type { UserId } from "./user-id.ts";

/**
 * The part of a record that cannot be read: the whole record, its times and etag, or one field. The packed form and the
 * scripts number the parts in this order, from 1.
 */
export const damagedParts = ["record", "meta", "properties", "preferences", "observed"] as const;

export type DamagedPart = (typeof damagedParts)[number];

/** Takes the place of a user whose record cannot be read. */
export interface DamagedUser {
  readonly id: UserId;
  readonly damaged: DamagedPart;
}

export function isDamaged<User extends object>(user: User | DamagedUser | undefined): user is DamagedUser {
  return user !== undefined && "damaged" in user;
}
