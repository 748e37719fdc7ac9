/** The background work of a store in Redis: seals, and old tombstones. */
import type { StoreConfiguration } from "../../users/store-configuration.ts";
import type { UserId } from "../../users/user-id.ts";
import { isPresent, type Present } from "../configuration.ts";
import { PackedReader } from "../packed/buffer.ts";
import { nextStep } from "../seal-walk.ts";
import type { Slice, SweptStore } from "../sweeper.ts";
import { runScript } from "./call-runner.ts";
import { bringUpToDate, completeSeals } from "./configuration/agreement.ts";
import type { KnownConfigurations } from "./configuration/known-configurations.ts";
import { areSealed, readState } from "./configuration/walk-states.ts";
import { StaleConfigurationError } from "./failures.ts";
import { everyPartition, type Keys, partitionCount } from "./keys.ts";
import { readHash } from "./read-hash.ts";
import { loadScript } from "./script.ts";
import type { Servers } from "./servers/servers.ts";
import { packSealing, tombstoneMicros } from "./write-call.ts";

/** What a slice looks at, at most. It takes Redis less than a millisecond. */
const sliceUsers = 100;
const sliceTombstones = 500;
/** The lease stands with the first partition. */
const leasePartition = 0;

const scripts = {
  seals: loadScript("configuration", "seals", "sweep-seals"),
  tombstones: loadScript("trim-tombstones"),
  lease: loadScript("set-lease"),
};

export const sweepScripts = Object.values(scripts);

interface SweptRedis {
  readonly servers: Servers;
  readonly keys: Keys;
  readonly known: KnownConfigurations;
  readonly list: (partition: number, after: string, count: number) => Promise<readonly UserId[]>;
  readonly configuration: () => StoreConfiguration | undefined;
  readonly onBrokenSeals: (count: number) => void;
}

export function createSweep(store: SweptRedis): SweptStore {
  const { servers, keys, known } = store;

  async function walk(partition: number, { stamp, configuration }: Present): Promise<Slice> {
    const state = await readState(servers, keys, partition);
    const now = Date.now();
    const step = nextStep(configuration, state, now);
    if (step === undefined) return { work: undefined, items: 0, isDone: true };
    const ids = await store.list(partition, step.after, sliceUsers);
    const isLast = ids.length < sliceUsers;
    const { bytes } = await runScript(servers, partition, {
      script: scripts.seals,
      keys: [keys.configuration(partition), keys.sweep(partition), ...ids.map((id) => keys.userIn(partition, id))],
      args: [
        ...[stamp, packSealing(configuration), step.name, step.work],
        ...[`${state.name} ${state.after}`, ids.at(-1) ?? step.after, isLast ? now : ""],
      ],
      writes: true,
    });
    const reader = new PackedReader(bytes);
    const isMade = reader.u8() === 1;
    const broken = reader.u32();
    if (broken > 0) store.onBrokenSeals(broken);
    return { work: step.work, items: isMade ? ids.length : 0, isDone: isMade && isLast };
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
      const trimmed = await trim(partition);
      if (!trimmed.isDone) return trimmed;
      const current = known.of(partition);
      // There are no seals before the first change.
      if (!isPresent(current) || current.configuration.generation === 0) return trimmed;
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
