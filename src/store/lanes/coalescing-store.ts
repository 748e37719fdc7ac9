import { failureOfRead, UserError } from "../../users/errors.ts";
import type { EntryRange } from "../../users/indexes/entries.ts";
import type { FoundUser, UserStore, WriteCommand, WriteResult } from "../../users/store.ts";
import type { UserId } from "../../users/user-id.ts";
import type { StoreAdapter } from "../adapter.ts";
import { bodyOf } from "../packed/packed.ts";

import { eachAlone } from "./item-failure.ts";
import { KeptAnswer } from "./kept-answer.ts";
import { Lanes } from "./lanes.ts";

/** The memory that an item takes beside its body, and a submission beside its items. */
const itemBytes = 128;
const submissionBytes = 2_048;
/** The pause before a postponed command is tried again, and how long it is tried. */
const retryMs = 100;
const giveUpMs = 60_000;
/** How many listings are under way at most, and how many searches of each kind. */
const searchLanes = 4;
/** Each refusal of a find by an index that is being built tells the progress, which takes the store far more than a find. */
const progressKeptMs = 1_000;

/**
 * Coalesces calls: those that arrive together travel to the store together. Order is kept, because each lane has one list
 * of commands under way at a time, and one list of reads.
 *
 * @param maxWaitingBytes of requests, for each of writing, reading, listing and searching; more is refused with OVERLOADED
 */
export function coalesce(store: StoreAdapter, maxWaitingBytes: number): UserStore {
  const { maxUsers: maxCallItems, maxBytes: maxCallBytes, maxSearches = 1, ...shape } = store.shape;
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
  /** Work that is not about single users: a call of the store for each item, `together` at a time. */
  const oneByOne = <Item extends object, Result>(call: (item: Item) => Promise<Result>, together = 1) => {
    let next = 0;
    const lanes = new Lanes<Item, { result: Result }>({
      ...bounds,
      lanes: searchLanes,
      laneOf: () => next++ % searchLanes,
      mixed: false,
      maxCallItems: together,
      call: (items) =>
        eachAlone(
          items,
          (some) => Promise.all(some.map(async (item) => ({ result: await call(item) }))),
          (error) => ({ mayLieInOne: isUnexpected(error), someMayBeDone: false }),
        ),
      bytesOf: () => itemBytes,
      keyOf: () => "",
    });
    const submit = async (item: Item, signal: AbortSignal | undefined): Promise<Result> => {
      const [answer] = await lanes.submit([item], { signal }).catch(rejectRead);
      if (answer === undefined) throw new Error("a lane has answered without a result");
      return answer.result;
    };
    return { submit, idle: () => lanes.idle() };
  };
  const lists = oneByOne(({ after, count }: { after: UserId | undefined; count: number }) => store.list(after, count));
  const entries = oneByOne(
    ({ range, count, generation }: { range: EntryRange; count: number; generation: number }) =>
      store.entries(range, count, generation),
    maxSearches,
  );
  const counts = oneByOne(({ prefix, generation }: { prefix: Uint8Array; generation: number }) =>
    store.countEntries(prefix, generation),
  );
  const totals = oneByOne((_: typeof everything) => store.count());
  const progress = oneByOne((_: typeof everything) => store.progress());
  const keptProgress = new KeptAnswer(() => progress.submit(everything, undefined), progressKeptMs);
  const searches = [lists, entries, counts, totals, progress];
  return {
    write: (items, options) => commands.submit(items, options),
    get: async (ids, signal) => (await reads.submit(ids, { signal }).catch(rejectRead)).map(({ user }) => user),
    list: (after, count, signal) => lists.submit({ after, count }, signal),
    entries: (range, count, generation, signal) => entries.submit({ range, count, generation }, signal),
    countEntries: (prefix, generation, signal) => counts.submit({ prefix, generation }, signal),
    count: (signal) => totals.submit(everything, signal),
    progress: (signal) => keptProgress.ask(signal),
    check: () => store.check(),
    configuration: () => store.configuration(),
    warnings: () => store.warnings(),
    async close() {
      await Promise.all([commands, reads, ...searches].map((lanes) => lanes.idle()));
      await store.close();
    },
  };
}

/** Stands for all users. */
const everything = {};

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
