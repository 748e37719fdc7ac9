/** Reads and changes a store's configuration, for the commands that do. */
import type { ValuesOf } from "../../config/declare-options.ts";
import { describeStoreLocation } from "../../config/store-url.ts";
import { openAdministration } from "../../server/open-store.ts";
import { PartlyChangedError, type StoreAdministration, type StoreState } from "../../store/administration.ts";
import { madeEarlier, type Present } from "../../store/configuration.ts";
import { createLogger } from "../../telemetry/logger.ts";
import { CliError } from "../cli-error.ts";
import { type changeOptions, firstWithFeatures, type readingOptions } from "./options.ts";

/** What a command wants to change. */
export interface Plan {
  /** The configuration that the store should have. */
  readonly to: Present;
  /** Whether that differs from the one that it has. */
  readonly differs: boolean;
}

export interface Change<Planned extends Plan> {
  readonly plan: Planned;
  /** Whether nothing was changed, because the command should not. */
  readonly dryRun: boolean;
}

/**
 * Changes the configuration of a store, or only checks that it could.
 *
 * @param plan decides by what the store has; it may throw CliError
 * @throws CliError if nothing was changed, or not everywhere
 */
export function changeStore<Planned extends Plan>(
  settings: ValuesOf<typeof changeOptions>,
  plan: (state: StoreState) => Planned,
): Promise<Change<Planned>> {
  const dryRun = settings.dryRun === true;
  return withAdministration(settings, "change", async (administration) => {
    const state = await administration.read();
    const blocking = state.deviations.find(({ problem }) => problem === "foreign" || problem === "unreadable");
    if (blocking !== undefined) {
      const { partitions, description } = blocking;
      throw new CliError(`${describePartitions(partitions)} ${description}; nothing has changed`);
    }
    const planned = plan(state);
    if (dryRun) await administration.requireWritable();
    // Also where nothing differs: it completes an earlier change.
    else if (
      (planned.differs || state.deviations.length > 0) &&
      !(await administration.change(state.current, planned.to))
    ) {
      throw new CliError(
        "somebody else has changed the store's configuration meanwhile, and this command has changed nothing: see " +
          "rollcall config show, and run it again",
      );
    }
    return { plan: planned, dryRun };
  });
}

/** @param confirmed whether all servers are known to be of a version that knows features. @throws CliError if not, and older ones may use the store */
export function requireNewServers({ madeBy }: StoreState, confirmed: boolean, what: string): void {
  if (madeBy !== madeEarlier || confirmed) return;
  throw new CliError(
    `version ${madeEarlier} may have made this store. Its servers know no features: they would go on writing without ` +
      `${what}. Replace all servers by version ${firstWithFeatures} and shut the others out, as ` +
      "docs/upgrades.md#upgrades says. Then run this command with " +
      `--all-servers-are ${firstWithFeatures}. Nothing has changed`,
  );
}

/** @throws CliError if the store cannot be opened, or the work fails */
export async function withAdministration<Result>(
  { store, ...settings }: ValuesOf<typeof readingOptions>,
  what: "read the configuration of" | "change",
  work: (administration: StoreAdministration) => Promise<Result>,
): Promise<Result> {
  let administration: StoreAdministration | undefined;
  try {
    administration = await openAdministration(store, settings, createLogger("silent"));
    return await work(administration);
  } catch (error) {
    if (error instanceof CliError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    const rest = what === "change" && !(error instanceof PartlyChangedError) ? "; nothing has changed" : "";
    throw new CliError(`cannot ${what} ${describeStoreLocation(store)}: ${reason}${rest}`);
  } finally {
    administration?.close();
  }
}

function describePartitions(partitions: readonly number[]): string {
  return partitions.length === 1 ? `partition ${partitions[0]}:` : `partitions ${partitions.join(", ")}:`;
}
