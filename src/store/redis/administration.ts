/**
 * Administration of users in Redis. A change goes to the partition 0 first, whose stamp decides between two changes at once; servers
 * complete a change that reaches no further. On a server with all partitions, it is one step.
 */
import { version } from "../../config/version.ts";
import { UserError } from "../../users/errors.ts";
import { UnknownFeaturesError } from "../../users/features.ts";
import { type Deviation, PartlyChangedError, type StoreAdministration, type StoreState } from "../administration.ts";
import {
  ConfigurationError,
  madeEarlier,
  noConfiguration,
  type Present,
  parseConfiguration,
  type Stamped,
} from "../configuration.ts";
import { createCheck } from "./check.ts";
import {
  agreedOn,
  complete,
  deviationFrom,
  setConfiguration,
  setConfigurationScript,
} from "./configuration/agreement.ts";
import { KnownConfigurations } from "./configuration/known-configurations.ts";
import { listScript, mayHaveUsers } from "./configuration/may-have-users.ts";
import { createIndexReads } from "./index-reads.ts";
import { createKeys, everyPartition } from "./keys.ts";
import { patiently } from "./patience.ts";
import { openServers, type RedisStoreOptions } from "./redis-store.ts";

/** How often a change is compared with what all partitions have, before others must complete it. */
const maxRounds = 5;

/** What was read of the partitions. */
interface Reading {
  /** By partition; one that could not be read is as one without configuration. */
  readonly all: readonly Stamped[];
  readonly failures: ReadonlyMap<number, Failure>;
}

type Failure = Pick<Deviation, "problem" | "description">;

export function openRedisAdministration(options: RedisStoreOptions): StoreAdministration {
  const keys = createKeys(options.keyPrefix);
  const servers = openServers(options);
  const store = { servers, keys };
  const known = new KnownConfigurations(servers, keys, parseConfiguration);
  const scripts = [setConfigurationScript, listScript];
  const check = createCheck({ ...options, servers, keys, scripts, needsMemory: true });

  /** @throws UnknownFeaturesError */
  async function readAll(): Promise<Reading> {
    const failures = new Map<number, Failure>();
    const readOne = async (partition: number): Promise<Stamped> => {
      try {
        await known.read(partition);
        return known.of(partition);
      } catch (error) {
        const cause = causeOf(error);
        if (cause instanceof UnknownFeaturesError) throw cause;
        failures.set(partition, describeFailure(error));
        return noConfiguration;
      }
    };
    const all = await Promise.all(everyPartition.map(readOne));
    return { all, failures };
  }

  async function requireWritable(): Promise<void> {
    const [finding] = await check().catch((error: unknown) => {
      throw causeOf(error);
    });
    if (finding !== undefined) throw new Error(finding);
  }

  /** Brings a change from the first partition to all others. */
  async function spread(to: Present): Promise<void> {
    for (let round = 0; round < maxRounds; round++) {
      const { all, failures } = await readAll();
      for (const { description } of failures.values()) throw new Error(description);
      const agreed = agreedOn(all);
      if (agreed === undefined || agreed.configuration.generation < to.configuration.generation) {
        throw new Error("a failover has undone the change");
      }
      if (agreed.configuration.generation === to.configuration.generation && agreed.stamp !== to.stamp) {
        throw new Error("another change at the same time has undone the change");
      }
      if (!(await complete(store, all, agreed))) return;
    }
    throw new Error("the configuration changes again and again");
  }

  return {
    async read() {
      // Connections are made meanwhile.
      await patiently(() => known.read(0)).catch(() => {});
      const reading = await readAll();
      if (reading.failures.size === everyPartition.length) {
        throw new Error([...reading.failures.values()][0]?.description);
      }
      const current = agreedOn(reading.all);
      const isNew = current === undefined && reading.failures.size === 0 && !(await mayHaveUsers(store));
      return {
        current: current ?? noConfiguration,
        madeBy: current?.configuration.madeBy ?? (isNew ? version() : madeEarlier),
        deviations: deviationsOf(reading, current),
      } satisfies StoreState;
    },
    async progress() {
      await known.readAll();
      const configuration = () => agreedOn(known.all)?.configuration;
      return createIndexReads({ ...store, known, configuration })
        .progress()
        .catch((error: unknown) => {
          throw causeOf(error);
        });
    },
    requireWritable,
    async change(from, to) {
      const reading = await readAll();
      const current = agreedOn(reading.all);
      for (const { problem, description } of deviationsOf(reading, current)) {
        if (problem !== "missing" && problem !== "outdated") throw new Error(description);
      }
      if ((current ?? noConfiguration).stamp !== from.stamp) return false;
      await requireWritable();
      try {
        if (current !== undefined) await complete(store, reading.all, current);
        if (to.stamp === from.stamp) return true;
        const first = servers.partitioned ? [0] : everyPartition;
        if (!(await setConfiguration(store, first, from.stamp, to))) return false;
        await spread(to);
        return true;
      } catch (error) {
        throw new PartlyChangedError(causeOf(error));
      }
    },
    close: () => servers.close(),
  };
}

function deviationsOf({ all, failures }: Reading, current: Present | undefined): Deviation[] {
  const found = everyPartition.flatMap((partition) => {
    const failure = failures.get(partition) ?? compare(all[partition] ?? noConfiguration, current);
    return failure === undefined ? [] : [{ partition, ...failure }];
  });
  return [...Map.groupBy(found, ({ description }) => description).values()].flatMap((group) => {
    const [first] = group;
    return first === undefined ? [] : [{ ...first, partitions: group.map(({ partition }) => partition) }];
  });
}

function compare(found: Stamped, current: Present | undefined): Failure | undefined {
  const problem = current && deviationFrom(current, found);
  if (problem === undefined) return undefined;
  const storeId = found.configuration?.storeId;
  const descriptions = {
    missing: "have no configuration",
    outdated: "have another configuration: a change is under way, or was lost in a failover",
    foreign: `belong to the store ${storeId}: two stores share a prefix, or a backup of another was restored`,
    unreadable: "have a configuration that cannot be read",
  };
  return { problem, description: descriptions[problem] };
}

function describeFailure(error: unknown): Failure {
  const cause = causeOf(error);
  return { problem: cause instanceof ConfigurationError ? "unreadable" : "away", description: cause.message };
}

/** The store's own words, if there are any. */
function causeOf(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  return error instanceof UserError && error.cause instanceof Error ? error.cause : error;
}
