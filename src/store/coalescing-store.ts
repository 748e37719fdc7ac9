import type { IdentifyCommand, IdentifyResult, StoredUser, UserStore } from "../users/store.ts";
import type { UserId } from "../users/user-id.ts";
import { Lane } from "./lane.ts";

/**
 * Users in one call to a store, so that no call holds the store up for others for more than a few milliseconds, and
 * their bytes.
 */
const maxCallUsers = 200;
const maxCallBytes = 256 * 1024;
/** What may wait for the store, in bytes of requests. */
const maxWaitingBytes = 64 * 1024 * 1024;
/** What an item costs beside its properties. */
const itemBytes = 128;

/**
 * A store to which calls that arrive together travel together. Order is kept: it hands the store one list of commands
 * at a time, and one list of reads.
 */
export function coalesce(store: UserStore): UserStore {
  const bounds = { maxCallItems: maxCallUsers, maxCallBytes, maxWaitingBytes };
  const commands = new Lane<IdentifyCommand, IdentifyResult>({
    ...bounds,
    call: (items) => store.identify(items),
    bytesOf: (command) => itemBytes + command.properties.length,
  });
  // A list of results holds undefined for a user that is not there, so that it is never short.
  const reads = new Lane<UserId, { user: StoredUser | undefined }>({
    ...bounds,
    call: async (ids) => (await store.get(ids)).map((user) => ({ user })),
    bytesOf: () => itemBytes,
  });
  return {
    identify: (items, signal) => commands.submit(items, signal),
    get: async (ids, signal) => (await reads.submit(ids, signal)).map(({ user }) => user),
    check: () => store.check(),
    async close() {
      await Promise.all([commands.idle(), reads.idle()]);
      await store.close();
    },
  };
}
