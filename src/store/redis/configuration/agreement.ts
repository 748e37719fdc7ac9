import type { StoreConfiguration } from "../../../users/store-configuration.ts";
import {
  formatConfiguration,
  isPresent,
  noConfiguration,
  type Present,
  type Stamped,
  withCompleteSeals,
  withoutCompleteSeals,
} from "../../configuration.ts";
import { runScript } from "../call-runner.ts";
import { everyPartition, type Keys } from "../keys.ts";
import { loadScript } from "../script.ts";
import type { Servers } from "../servers/servers.ts";
import type { KnownConfigurations } from "./known-configurations.ts";
import { areSealed } from "./walk-states.ts";

export const setConfigurationScript = loadScript("deadline", "set-configuration");

interface ConfiguredServers {
  readonly servers: Servers;
  readonly keys: Keys;
}

/**
 * The configuration that all partitions should have: the newest, of the store to which most of them belong. Undefined if none has
 * one.
 */
export function agreedOn(all: readonly Stamped[]): Present | undefined {
  const present = all.filter(isPresent);
  const stores = Map.groupBy(present, ({ configuration }) => configuration.storeId);
  const [most] = [...stores.values()].sort((a, b) => b.length - a.length);
  return most?.reduce((newest, each) => (isNewer(each, newest) ? each : newest));
}

/** How a partition's configuration differs from the one agreed on; undefined if it does not. */
export function deviationFrom(
  agreed: Present,
  { stamp, configuration }: Stamped,
): "missing" | "outdated" | "foreign" | "unreadable" | undefined {
  if (stamp === agreed.stamp) return undefined;
  if (configuration === undefined) return stamp === "" ? "missing" : "unreadable";
  return configuration.storeId === agreed.configuration.storeId ? "outdated" : "foreign";
}

/**
 * Changes the configuration of partitions that have the same one. On a server with all partitions, it does so in one step.
 *
 * @returns whether all of them have changed; if not, somebody else has changed one of them
 * @throws UserError STORE_UNAVAILABLE: some of them may have changed
 */
export async function setConfiguration(
  { servers, keys }: ConfiguredServers,
  partitions: readonly number[],
  stamp: string,
  next: Present,
): Promise<boolean> {
  const calls = servers.partitioned ? partitions.map((partition) => [partition]) : [partitions];
  for (const some of calls) {
    const { bytes } = await runScript(servers, some[0] ?? 0, {
      script: setConfigurationScript,
      keys: some.map(keys.configuration),
      args: [stamp, next.stamp, formatConfiguration(withPlace(servers, next.configuration))],
      writes: true,
    });
    if (bytes.toString("latin1") !== "1") return false;
  }
  return true;
}

/** Entries of new indexes are where servers of this kind keep them. */
function withPlace({ partitioned }: Servers, configuration: StoreConfiguration): StoreConfiguration {
  const { nextIndex, spread = nextIndex > 1 ? partitioned : undefined } = configuration;
  return { ...configuration, spread };
}

/**
 * Reads the configuration of a partition, and completes it if a failover has undone a change there: what is written until then would
 * lack what the change asks for. On a server with all partitions, a change or a failover is one of all of them.
 *
 * @throws UserError STORE_UNAVAILABLE
 */
export async function bringUpToDate(
  { servers, keys, known }: ConfiguredServers & { readonly known: KnownConfigurations },
  partition: number,
): Promise<void> {
  const partitions = servers.partitioned ? [partition] : everyPartition;
  const read = () => Promise.all(partitions.map((each) => known.read(each)));
  await read();
  const agreed = agreedOn(known.all);
  if (agreed === undefined) return;
  if (await complete({ servers, keys }, known.all, agreed, partitions)) await read();
}

/**
 * Gives partitions that lag behind the configuration agreed on. If one of them has lost seals or entries with it, they get a newer one,
 * which says that not all users are sealed, and that no index is ready. The others follow later.
 *
 * @param of the partitions to look at
 * @returns whether any of them lagged behind
 * @throws UserError STORE_UNAVAILABLE
 */
export async function complete(
  store: ConfiguredServers,
  all: readonly Stamped[],
  agreed: Present,
  of: readonly number[] = everyPartition,
): Promise<boolean> {
  const late = of.filter((partition) => {
    const deviation = deviationFrom(agreed, all[partition] ?? noConfiguration);
    return deviation === "missing" || deviation === "outdated";
  });
  if (late.length === 0) return false;
  const { configuration } = agreed;
  // While seals are not complete, the walk goes on. But an index that is ready would be searched meanwhile.
  const isPromised =
    configuration.seals?.complete === true || late.some((partition) => lacksReadyIndex(agreed, all[partition]));
  const mayLack = isPromised && !(await areSealed(store, late, configuration));
  const next = mayLack ? withoutCompleteSeals(configuration) : agreed;
  for (const [stamp, partitions] of Map.groupBy(late, (partition) => all[partition]?.stamp ?? "")) {
    await setConfiguration(store, partitions, stamp, next);
  }
  return true;
}

/** Whether an index is ready by the configuration agreed on, and not by that of a partition: users there may lack its entries. */
function lacksReadyIndex(agreed: Present, own: Stamped | undefined): boolean {
  const readyNumbers = ({ indexes }: StoreConfiguration) =>
    indexes.filter(({ state }) => state === "ready").map(({ number }) => number);
  const there = own?.configuration === undefined ? [] : readyNumbers(own.configuration);
  return readyNumbers(agreed.configuration).some((number) => !there.includes(number));
}

/** Notes in the store that every user has a seal. */
export async function completeSeals({
  servers,
  keys,
  known,
}: ConfiguredServers & { readonly known: KnownConfigurations }): Promise<void> {
  const current = agreedOn(known.all);
  if (current?.configuration.seals?.complete !== false) return;
  await setConfiguration({ servers, keys }, everyPartition, current.stamp, withCompleteSeals(current.configuration));
  await known.readAll();
}

/** Two changes at once may have made two of the same generation. Their stamps decide, so that every server decides alike. */
function isNewer(a: Present, b: Present): boolean {
  if (a.configuration.generation !== b.configuration.generation) {
    return a.configuration.generation > b.configuration.generation;
  }
  return a.stamp > b.stamp;
}
