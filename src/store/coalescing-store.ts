import type { StoredUser, UserStore, WriteCommand, WriteResult } from "../users/store.ts";
import type { UserId } from "../users/user-id.ts";
import { Lane } from "./lane.ts";
import { bodyOf } from "./packed.ts";

/**
 * Users in one call to a store, so that no call holds the store up for others for more than a few milliseconds, and
 * their bytes.
 */
const maxCallUsers = 200;
const maxCallBytes = 256 * 1024;
/** What may wait for the store, in bytes of requests, if nothing else is said. */
const defaultMaxWaitingBytes = 64 * 1024 * 1024;
/** What an item costs beside its body. */
const itemBytes = 128;

/**
 * A store to which calls that arrive together travel together. Order is kept: it hands the store one list of commands
 * at a time, one list of reads, and one range to list.
 *
 * @param maxWaitingBytes of requests, for each of the three; beyond it, calls are refused with OVERLOADED
 */
export function coalesce(store: UserStore, maxWaitingBytes = defaultMaxWaitingBytes): UserStore {
  const bounds = { maxCallItems: maxCallUsers, maxCallBytes, maxWaitingBytes };
  const commands = new Lane<WriteCommand, WriteResult>({
    ...bounds,
    call: (items) => store.write(items),
    bytesOf: (command) => itemBytes + bodyOf(command).length,
  });
  // A list of results holds undefined for a user that is not there, so that it is never short.
  const reads = new Lane<UserId, { user: StoredUser | undefined }>({
    ...bounds,
    call: async (ids) => (await store.get(ids)).map((user) => ({ user })),
    bytesOf: () => itemBytes,
  });
  const lists = new Lane<{ after: UserId | undefined; count: number }, { ids: readonly UserId[] }>({
    ...bounds,
    maxCallItems: 1,
    call: (items) => Promise.all(items.map(async ({ after, count }) => ({ ids: await store.list(after, count) }))),
    bytesOf: () => itemBytes,
  });
  return {
    write: (items, signal) => commands.submit(items, signal),
    get: async (ids, signal) => (await reads.submit(ids, signal)).map(({ user }) => user),
    list: async (after, count, signal) => (await lists.submit([{ after, count }], signal)).flatMap(({ ids }) => ids),
    check: () => store.check(),
    async close() {
      await Promise.all([commands.idle(), reads.idle(), lists.idle()]);
      await store.close();
    },
  };
}
