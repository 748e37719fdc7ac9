/**
 * The indexes that `--indexes` names. A store that has never had an index gets them from the first server that is started with the
 * option. Of any other store they are only expected: what every write must do stands in the store, and servers that differ would
 * change it again and again.
 */
import type { StoreAdministration } from "../store/administration.ts";
import { madeEarlier } from "../store/configuration.ts";
import { changeOfIndexes, maintainedIndexes, without } from "../store/index-change.ts";
import { describeFailure } from "../telemetry/failure-log.ts";
import type { Logger } from "../telemetry/logger.ts";
import { formatIndexedProperties, type IndexedProperty } from "../users/indexes/indexed-property.ts";
import type { UserStore } from "../users/store.ts";
import type { StoreConfiguration } from "../users/store-configuration.ts";

export type ConfiguredStore = Pick<UserStore, "configuration">;

const lookEveryMs = 1_000;
/** The most reasons of failures to log. */
const maxReasons = 10;

interface ExpectationOptions {
  readonly store: ConfiguredStore;
  readonly expected: readonly IndexedProperty[];
  /** Opens the store to change its configuration. */
  readonly administer: () => Promise<StoreAdministration>;
  readonly logger: Logger;
}

/**
 * Sets the indexes of a store that has never had one, as soon as its configuration is known. Logs how any other store differs.
 *
 * @returns stops that
 * @throws OlderServersError if the configuration is known already, and older servers may use the store
 */
export async function expectIndexes(options: ExpectationOptions): Promise<() => Promise<void>> {
  const { store, expected, logger } = options;
  /** The difference that was logged last; empty for none. */
  let told = "";
  const reasons = new Set<string>();

  const look = async () => {
    const configuration = configurationIfKnown(store);
    if (configuration === undefined) return;
    if (hasNeverHadOne(configuration)) {
      requireNewServers(configuration, expected);
      if (await setFirst(options))
        logger.info({ indexes: formatIndexedProperties(expected) }, "the store gets indexes");
      return;
    }
    const { missing, unexpected } = differenceFrom(expected, configuration);
    const names = { missing: formatIndexedProperties(missing), unexpected: formatIndexedProperties(unexpected) };
    const difference = missing.length + unexpected.length === 0 ? "" : JSON.stringify(names);
    if (difference === told) return;
    told = difference;
    if (difference === "") logger.info("the store has the indexes that --indexes names");
    else logger.warn(names, "the store has other indexes than --indexes names; rollcall indexes set changes them");
  };
  const failed = (error: unknown) => {
    const described = describeFailure(error);
    if (reasons.has(described.reason) || reasons.size >= maxReasons) return;
    reasons.add(described.reason);
    logger.error(described, "the store does not get the indexes that --indexes names; trying again");
  };
  let timer: NodeJS.Timeout | undefined;
  let looking = Promise.resolve();
  let isStopped = false;
  const next = () => {
    if (isStopped) return;
    timer = setTimeout(() => {
      looking = look().catch(failed).then(next);
    }, lookEveryMs).unref();
  };

  await look().catch((error: unknown) => {
    if (error instanceof OlderServersError) throw error;
    failed(error);
  });
  next();
  return async () => {
    isStopped = true;
    clearTimeout(timer);
    await looking;
  };
}

/** Those of `--indexes` that the store lacks, and those that it has besides. */
export function differenceFrom(
  expected: readonly IndexedProperty[],
  configuration: StoreConfiguration,
): { readonly missing: readonly IndexedProperty[]; readonly unexpected: readonly IndexedProperty[] } {
  const there = maintainedIndexes(configuration);
  return { missing: without(expected, there), unexpected: without(there, expected) };
}

/** Undefined while it is not known, or belongs to a newer version. */
export function configurationIfKnown(store: ConfiguredStore): StoreConfiguration | undefined {
  try {
    return store.configuration();
  } catch {
    return undefined;
  }
}

function hasNeverHadOne({ nextIndex }: StoreConfiguration): boolean {
  return nextIndex === 1;
}

/** @returns whether it has set them; if not, another process was first. @throws Error if the store fails */
async function setFirst({ expected, administer }: ExpectationOptions): Promise<boolean> {
  const administration = await administer();
  try {
    const state = await administration.read();
    const { configuration } = state.current;
    if (configuration === undefined || !hasNeverHadOne(configuration)) return false;
    requireNewServers(configuration, expected);
    return await administration.change(state.current, changeOfIndexes(state, expected).to);
  } finally {
    administration.close();
  }
}

function requireNewServers({ madeBy }: StoreConfiguration, expected: readonly IndexedProperty[]): void {
  if (madeBy === madeEarlier) throw new OlderServersError(expected);
}

/** Servers of 0.1 may use the store. They would go on writing without indexes. */
export class OlderServersError extends Error {
  override readonly name = "OlderServersError";

  constructor(expected: readonly IndexedProperty[]) {
    super(
      `version ${madeEarlier} may have made this store, and its servers know no indexes. Replace all servers by this version and ` +
        "shut the others out, as docs/upgrades.md#upgrades says. Then run " +
        `rollcall indexes set ${formatIndexedProperties(expected)} --all-servers-are 0.2 --store …, and start the server again`,
    );
  }
}
