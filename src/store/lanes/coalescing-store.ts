import { failureOfRead, UserError } from "../../users/errors.ts";
import type { UserStore, WriteCommand, WriteResult } from "../../users/store.ts";
import type { UserId } from "../../users/user-id.ts";
import type { StoreAdapter } from "../adapter.ts";
import { bodyOf } from "../packed/packed.ts";
import type { FoundUser } from "../packed/users.ts";
import { eachAlone } from "./item-failure.ts";
import { Lanes } from "./lanes.ts";

/** The memory that an item takes beside its body, and a submission beside its items. */
const itemBytes = 128;
const submissionBytes = 2_048;
/** The pause before a postponed command is tried again, and how long it is tried. */
const retryMs = 100;
const giveUpMs = 60_000;
/** How many listings are under way at most. */
const listLanes = 4;

/**
 * Coalesces calls: those that arrive together travel to the store together. Order is kept, because each lane has one list
 * of commands under way at a time, and one list of reads.
 *
 * @param maxWaitingBytes of requests, for each of writing, reading and listing; more is refused with OVERLOADED
 */
export function coalesce(store: StoreAdapter, maxWaitingBytes: number): UserStore {
  const { maxUsers: maxCallItems, maxBytes: maxCallBytes, ...shape } = store.shape;
  const bounds = { ...shape, maxCallItems, maxCallBytes, maxWaitingBytes, submissionBytes, retryMs, giveUpMs };
  const commands = new Lanes<WriteCommand, WriteResult>({
    ...bounds,
    call: (items) =>
      eachAlone(
        items,
        async (some, again) => (await store.write(some, again)).map(unlessPostponed),
        (error) => ({ mayLieInOne: isUnexpected(error) || isStoreFull(error), someMayBeDone: !isStoreFull(error) }),
      ),
    bytesOf: (command) => itemBytes + bodyOf(command).length,
    keyOf: ({ id }) => id,
  });
  // A result is an object, because undefined says that an item was postponed.
  const reads = new Lanes<UserId, { user: FoundUser }>({
    ...bounds,
    call: (ids) =>
      eachAlone(
        ids,
        async (some) => (await store.get(some)).map((user) => ({ user })),
        (error) => ({ mayLieInOne: isUnexpected(error), someMayBeDone: false }),
      ),
    bytesOf: () => itemBytes,
    keyOf: (id) => id,
  });
  let nextList = 0;
  const lists = new Lanes<{ after: UserId | undefined; count: number }, { ids: readonly UserId[] }>({
    ...bounds,
    lanes: listLanes,
    laneOf: () => nextList++ % listLanes,
    mixed: false,
    maxCallItems: 1,
    call: (items) => Promise.all(items.map(async ({ after, count }) => ({ ids: await store.list(after, count) }))),
    bytesOf: () => itemBytes,
    keyOf: () => "",
  });
  return {
    write: (items, options) => commands.submit(items, options),
    get: async (ids, signal) => (await reads.submit(ids, { signal }).catch(rejectRead)).map(({ user }) => user),
    list: async (after, count, signal) =>
      (await lists.submit([{ after, count }], { signal }).catch(rejectRead)).flatMap(({ ids }) => ids),
    check: () => store.check(),
    configuration: () => store.configuration(),
    warnings: () => store.warnings(),
    async close() {
      await Promise.all([commands.idle(), reads.idle(), lists.idle()]);
      await store.close();
    },
  };
}

function rejectRead(error: unknown): never {
  throw failureOfRead(error);
}

/** An error that the adapter did not foresee. (A record that cannot be read is a result, not an error.) */
function isUnexpected(error: unknown): boolean {
  return !(error instanceof UserError);
}

/** Nothing was written. Commands that need no room may succeed alone. */
function isStoreFull(error: unknown): boolean {
  return error instanceof UserError && error.reason === "STORE_FULL";
}

type AdapterResult = Awaited<ReturnType<StoreAdapter["write"]>>[number];

function unlessPostponed(result: AdapterResult): WriteResult | undefined {
  return "refused" in result && result.refused === "postponed" ? undefined : result;
}
