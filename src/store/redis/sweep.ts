/** The background work of a store in Redis: seals, entries of indexes, and old tombstones. */
import { isMaintained } from "../../users/indexes/indexed-property.ts";
import type { StoreConfiguration } from "../../users/store-configuration.ts";
import type { UserId } from "../../users/user-id.ts";
import { isPresent, type Present } from "../configuration.ts";
import { nextStep } from "../seal-walk.ts";
import type { Slice, SweptStore } from "../sweeper.ts";
import { buildAgain } from "./build-again.ts";
import { runScript } from "./call-runner.ts";
import { bringUpToDate, completeSeals } from "./configuration/agreement.ts";
import type { KnownConfigurations } from "./configuration/known-configurations.ts";
import { areSealed, readState } from "./configuration/walk-states.ts";
import { entryHome } from "./entry-homes.ts";
import { StaleConfigurationError } from "./failures.ts";
import { everyPartition, partitionCount } from "./keys.ts";
import { readHash } from "./read-hash.ts";
import { type ReconciledStore, reconcile, reconcileScript } from "./reconcile.ts";
import { loadScript } from "./script.ts";
import { StrayEntries, strayScript } from "./stray-entries.ts";
import { tombstoneMicros } from "./write-call.ts";
import { rulesOf } from "./write-rules.ts";

/** What a slice looks at, at most. It takes Redis about a millisecond. With several indexes, a slice has fewer users. */
const sliceUsers = 128;
const leastUsers = 16;
const sliceEntries = 500;
const sliceTombstones = 500;
/** The lease stands with the first partition. */
const leasePartition = 0;

const nothingToDo: Slice = { work: undefined, items: 0, isDone: true };

const scripts = {
  users: reconcileScript,
  entries: loadScript("deadline", "wrong-type", "configuration", "indexes", "trim-entries"),
  strays: strayScript,
  tombstones: loadScript("deadline", "trim-tombstones"),
  lease: loadScript("deadline", "set-lease"),
};

export const sweepScripts = Object.values(scripts);

interface SweptRedis extends ReconciledStore {
  readonly known: KnownConfigurations;
  readonly list: (partition: number, after: string, count: number) => Promise<readonly UserId[]>;
  readonly configuration: () => StoreConfiguration | undefined;
  readonly onBrokenSeals: (count: number) => void;
  /** Called with how many values of users are too long for an index that is being built. */
  readonly onTooLong: (count: number) => void;
}

export function createSweep(store: SweptRedis): SweptStore {
  const { servers, keys, known } = store;
  const strays = new StrayEntries(servers, keys);

  async function walk(partition: number, current: Present): Promise<Slice> {
    const { configuration } = current;
    if (strays.isIn(partition)) return strays.slice(partition, current);
    const state = await readState(servers, keys, partition);
    const now = Date.now();
    const step = nextStep(configuration, state, now);
    if (step === undefined) return nothingToDo;
    const { work, name } = step;
    const isBuild = work === "seal" && configuration.indexes.some(({ state }) => state === "building");
    if (step.after === "" && work !== "check" && configuration.nextIndex > 1) {
      const removed = await trimEntries(partition, current);
      if (removed === sliceEntries) return { work, items: removed, isDone: false, isBuild };
    }
    const maintained = configuration.indexes.filter(isMaintained).length;
    // Users may still have entries of indexes that are being dropped.
    const most = Math.max(leastUsers, Math.floor(sliceUsers / Math.max(1, configuration.indexes.length)));
    const listed = await store.list(partition, step.after, most);
    // Of large users, a slice has fewer.
    const found =
      work === "seal" && maintained > 0 && listed.length > 0 ? await store.readIndexed(partition, listed) : [];
    const ids = found.length > 0 ? listed.slice(0, found.length) : listed;
    const isLast = listed.length < most && ids.length === listed.length;
    const { isMade, broken, tooLong } = await reconcile(
      store,
      partition,
      current,
      { work, ids, found },
      {
        name,
        state: `${state.name} ${state.after}`,
        after: ids.at(-1) ?? step.after,
        doneAt: isLast ? now : undefined,
      },
    );
    if (broken > 0) store.onBrokenSeals(broken);
    if (tooLong > 0) store.onTooLong(tooLong);
    const isWalked = isMade && isLast;
    const mayHaveStrays = isWalked && work === "check" && maintained > 0 && entryHome(servers, partition) === partition;
    if (mayHaveStrays) strays.begin(partition);
    return { work, items: isMade ? ids.length : 0, isDone: isWalked && !mayHaveStrays, isBuild };
  }

  /** Removes entries that belong to no index. Writes do not add to an index that is being dropped. @returns how many */
  async function trimEntries(partition: number, { stamp, configuration }: Present): Promise<number> {
    const { bytes } = await runScript(servers, partition, {
      script: scripts.entries,
      keys: [keys.configuration(partition), keys.entries(partition)],
      args: [stamp, rulesOf(configuration).packed, sliceEntries],
      writes: true,
    });
    return Number(bytes.toString("latin1"));
  }

  async function trim(partition: number): Promise<Slice> {
    const { bytes } = await runScript(servers, partition, {
      script: scripts.tombstones,
      keys: [keys.tombstones(partition)],
      args: [tombstoneMicros, sliceTombstones],
      writes: true,
    });
    const items = Number(bytes.toString("latin1"));
    return { work: items === 0 ? undefined : "tombstones", items, isDone: items < sliceTombstones };
  }

  /** The partition whose tombstones were trimmed last: once for all slices that follow. */
  let trimmedLast: number | undefined;

  return {
    partitions: partitionCount,
    get generation() {
      return store.configuration()?.generation;
    },
    async readLease() {
      return (await readHash(servers, leasePartition, keys.sweep(leasePartition), ["lease"]))[0] ?? "";
    },
    async setLease(expected, next) {
      const { bytes } = await runScript(servers, leasePartition, {
        script: scripts.lease,
        keys: [keys.sweep(leasePartition)],
        args: [expected, next],
        writes: true,
      });
      return bytes.toString("latin1") === "1";
    },
    async sweep(partition) {
      if (trimmedLast !== partition) {
        const trimmed = await trim(partition);
        if (!trimmed.isDone) return trimmed;
        trimmedLast = partition;
      }
      if (await buildAgain(store)) return { work: undefined, items: 0, isDone: false };
      const current = known.of(partition);
      // There are no seals before the first change.
      if (!isPresent(current) || current.configuration.generation === 0) return nothingToDo;
      try {
        return await walk(partition, current);
      } catch (error) {
        if (!(error instanceof StaleConfigurationError)) throw error;
        await bringUpToDate(store, partition);
        return { work: undefined, items: 0, isDone: false };
      }
    },
    async onAllDone() {
      const configuration = store.configuration();
      if (configuration?.seals?.complete !== false) return true;
      if (!(await areSealed(store, everyPartition, configuration))) return false;
      await completeSeals(store);
      return true;
    },
  };
}
