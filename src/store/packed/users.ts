/** Users in the packed form: see packed.ts. */
import { type DamagedPart, type DamagedUser, damagedParts } from "../../users/damaged.ts";
import type { FoundUser, StoredUser } from "../../users/store.ts";
import { type CanonicalStruct, preferencesLimits } from "../../users/struct/format.ts";
import { isCanonical } from "../../users/struct/scan.ts";
import type { UserId } from "../../users/user-id.ts";
import { PackedReader } from "./buffer.ts";

/** @param ids the ids of the call; the last ones may have no answer */
export function unpackFound(packed: Uint8Array, ids: readonly UserId[]): FoundUser[] {
  return unpackEach(packed, ids, unpackUser);
}

/** The same, for indexes: a user is damaged only if nobody can tell its entries. */
export function unpackIndexed(packed: Uint8Array, ids: readonly UserId[]): FoundRecord[] {
  return unpackEach(packed, ids, unpackRecord);
}

function unpackEach<Found>(
  packed: Uint8Array,
  ids: readonly UserId[],
  unpack: (reader: PackedReader, id: UserId) => Found,
): Found[] {
  const reader = new PackedReader(packed);
  const users: Found[] = [];
  for (const id of ids) {
    if (reader.done) break;
    users.push(unpack(reader, id));
  }
  return users;
}

/** What a user's entries in indexes follow from. */
interface IndexedRecord {
  /** Its bytes are no UTF-8 if another program has written them. */
  readonly etag: Uint8Array;
  readonly properties: CanonicalStruct;
}

/** The part of what was found for an id that indexes need. */
export type FoundRecord = IndexedRecord | DamagedUser | undefined;

export const found = { none: 0, user: 1, damaged: 2 } as const;

/** The code of a part. */
export function codeOfPart(part: DamagedPart): number {
  return damagedParts.indexOf(part) + 1;
}

export function unpackPart(reader: PackedReader): DamagedPart {
  const code = reader.u8();
  const part = damagedParts[code - 1];
  if (part === undefined) throw new Error(`the store names the unknown part ${code} of a record`);
  return part;
}

export function unpackUser(reader: PackedReader, id: UserId): FoundUser {
  const kind = reader.u8();
  if (kind === found.none) return undefined;
  if (kind === found.damaged) return { id, damaged: unpackPart(reader) };
  const createdAt = reader.u64();
  const updatedAt = reader.u64();
  const etag = reader.shortText();
  const properties = reader.bytes();
  const preferences = reader.bytes();
  return checkedUser({ id, properties, preferences, createdAt, updatedAt, etag });
}

function unpackRecord(reader: PackedReader, id: UserId): FoundRecord {
  const kind = reader.u8();
  if (kind === found.none) return undefined;
  if (kind === found.damaged) return { id, damaged: unpackPart(reader) };
  // Neither the times nor the preferences matter.
  reader.u64();
  reader.u64();
  const etag = reader.shortBytes();
  const properties = reader.bytes();
  reader.bytes();
  return isCanonical(properties) ? { etag, properties } : { id, damaged: "properties" };
}

/** A user as it is stored, whose Structs have not been checked. */
type UncheckedUser = {
  readonly [Key in keyof StoredUser]: StoredUser[Key] extends Uint8Array ? Uint8Array : StoredUser[Key];
};

/** Checks what the store does not check when it reads. */
export function checkedUser(user: UncheckedUser): StoredUser | DamagedUser {
  const { id, properties, preferences, createdAt, updatedAt } = user;
  if (!Number.isSafeInteger(createdAt) || !Number.isSafeInteger(updatedAt)) return { id, damaged: "meta" };
  if (!isCanonical(properties)) return { id, damaged: "properties" };
  if (!isCanonical(preferences, preferencesLimits)) return { id, damaged: "preferences" };
  return { ...user, properties };
}

/** Reads all users by as many calls as it takes. Each call answers the first of its ids, at least one. */
export async function readAll<Found>(
  ids: readonly UserId[],
  readFirst: (ids: readonly UserId[]) => Promise<readonly Found[]>,
): Promise<readonly Found[]> {
  let users = await readFirst(ids);
  while (users.length < ids.length) {
    const more = await readFirst(ids.slice(users.length));
    if (more.length === 0) throw new Error("the store read none of the users that it was asked for");
    users = [...users, ...more];
  }
  return users;
}
