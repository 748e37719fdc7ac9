/** Reads users for an answer: the selected properties, and no more users than fit. */
import { isDamaged } from "./damaged.ts";
import { limits } from "./limits.ts";
import type { FoundUser, StoredUser, UserStore } from "./store.ts";
import { selectProperties } from "./struct/entries.ts";
import type { UserId } from "./user-id.ts";

/** A user in an answer, perhaps with a selection of its properties. */
export type UserView = Omit<StoredUser, "properties"> & { readonly properties: Uint8Array };

/** The bytes that a user takes in an answer, at most. */
export type AnswerSize = (user: UserView) => number;

/** More than an answer takes beside its users. */
export const frameBytes = 1_024;

/** Users read from the store at a time, so that few are read in vain. */
const usersPerRead = 50;

/** The users of some ids, as many as an answer holds. */
export interface Reading {
  readonly users: readonly UserView[];
  readonly missing: readonly UserId[];
  /** Ids of users whose records cannot be read. */
  readonly damaged: readonly UserId[];
  /** How many of the ids were read, from the first on. */
  readonly readCount: number;
}

export interface ReadOptions {
  readonly select: (user: StoredUser) => UserView;
  readonly sizeOf: AnswerSize;
  /** Users that have been read already, at the places of their ids. */
  readonly alreadyRead?: readonly FoundUser[];
  /** Whether a user is part of the answer. Default: all are. @param at the place of its id */
  readonly isWanted?: (user: StoredUser, at: number) => boolean;
  /** The bytes of the answer beside the users. */
  readonly besideBytes: number;
  readonly signal: AbortSignal | undefined;
}

/** @param names UTF-8; empty for all properties */
export function selector(names: readonly Uint8Array[]): (user: StoredUser) => UserView {
  if (names.length === 0) return (user) => user;
  const selected = new Set(names.map((name) => Buffer.from(name).toString("latin1")));
  return (user) => ({ ...user, properties: selectProperties(user.properties, selected) });
}

/** Reads users in the order of the ids until the next one does not fit; at least one. */
export async function readWhatFits(store: UserStore, ids: readonly UserId[], options: ReadOptions): Promise<Reading> {
  const { select, sizeOf, alreadyRead = [], isWanted, besideBytes, signal } = options;
  const users: UserView[] = [];
  const missing: UserId[] = [];
  const damaged: UserId[] = [];
  let bytes = besideBytes;
  let readCount = 0;
  while (readCount < ids.length) {
    const chunk = ids.slice(readCount, readCount + usersPerRead);
    const found = await readOthers(store, chunk, alreadyRead.slice(readCount, readCount + usersPerRead), signal);
    for (const [index, id] of chunk.entries()) {
      const stored = found[index];
      if (stored === undefined) missing.push(id);
      else if (isDamaged(stored)) damaged.push(id);
      else if (isWanted === undefined || isWanted(stored, readCount)) {
        const user = select(stored);
        bytes += sizeOf(user);
        if (bytes > limits.maxAnswerBytes && users.length > 0) return { users, missing, damaged, readCount };
        users.push(user);
      }
      readCount++;
    }
  }
  return { users, missing, damaged, readCount };
}

/** @returns the users of all ids, in their order */
async function readOthers(
  store: UserStore,
  ids: readonly UserId[],
  alreadyRead: readonly FoundUser[],
  signal: AbortSignal | undefined,
): Promise<readonly FoundUser[]> {
  const others = ids.filter((_, at) => alreadyRead[at] === undefined);
  if (others.length === 0) return alreadyRead;
  const read = await store.get(others, signal);
  if (others.length === ids.length) return read;
  let next = 0;
  return ids.map((_, at) => alreadyRead[at] ?? read[next++]);
}
