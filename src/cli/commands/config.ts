import { Command, createOption } from "@commander-js/extra-typings";
import { addOptions, type ValuesOf } from "../../config/declare-options.ts";
import { redisOptions, storeOptions } from "../../config/options.ts";
import { describeStoreLocation } from "../../config/store-url.ts";
import { openAdministration } from "../../server/open-store.ts";
import { PartlyChangedError, type StoreAdministration } from "../../store/administration.ts";
import { createLogger } from "../../telemetry/logger.ts";
import { type Feature, features } from "../../users/features.ts";
import { CliError } from "../cli-error.ts";
import { outputOptions, terminal } from "../output.ts";
import { print, printJson } from "../standard-streams.ts";
import { firstWithFeatures, knownFeature, planChange } from "./config-change.ts";
import { jsonOfState, linesOfState } from "./config-state.ts";

const options = { ...outputOptions, ...storeOptions, ...redisOptions };
const changeOptions = {
  dryRun: createOption("--dry-run", "say what would change, and change nothing"),
  ...options,
};
const enableOptions = {
  allServersAre: createOption(
    "--all-servers-are <version>",
    "confirm that no older server uses the store; needed where 0.1 may have made it",
  ).choices([firstWithFeatures]),
  ...changeOptions,
};

const help = `
Servers follow a change within a second, and no call fails. docs/upgrades.md#features says what a feature is, and
docs/upgrades.md#upgrades what to do before the first one is switched on.

Examples:
  rollcall config show --store sqlite:/var/lib/rollcall/users.db
  rollcall config enable rehearsal --store redis://10.0.0.1:6379 --dry-run
  rollcall config enable rehearsal --store redis://10.0.0.1:6379 --all-servers-are 0.2
  rollcall config disable rehearsal --store redis://10.0.0.1:6379`;

export function configCommand() {
  const names = `one of ${Object.keys(features).join(", ")}`;
  const show = new Command("show").description("print the store's id, its features and its generation");
  const enable = new Command("enable").description("switch a feature on").argument("<feature>", names);
  const disable = new Command("disable").description("switch a feature off").argument("<feature>", names);
  return new Command("config")
    .description("see or change what a store is configured for, also while servers use it")
    .addCommand(addOptions(show, options).addHelpText("after", help).action(showConfiguration))
    .addCommand(addOptions(enable, enableOptions).addHelpText("after", help).action(switchOn))
    .addCommand(addOptions(disable, changeOptions).addHelpText("after", help).action(switchOff))
    .addHelpText("after", help);
}

type Settings = ValuesOf<typeof options>;

async function showConfiguration(settings: Settings): Promise<void> {
  await withStore(settings, "read the configuration of", async (administration) => {
    const state = await administration.read();
    if (terminal(settings) === undefined) await printJson(jsonOfState(state));
    else await print(...linesOfState(state));
  });
}

function switchOn(name: string, settings: ValuesOf<typeof enableOptions>): Promise<void> {
  return change(knownFeature(name), true, settings.allServersAre !== undefined, settings);
}

function switchOff(name: string, settings: ValuesOf<typeof changeOptions>): Promise<void> {
  return change(knownFeature(name), false, false, settings);
}

async function change(
  feature: Feature,
  enabled: boolean,
  confirmed: boolean,
  settings: ValuesOf<typeof changeOptions>,
): Promise<void> {
  const dryRun = settings.dryRun === true;
  await withStore(settings, "change", async (administration) => {
    const state = await administration.read();
    const blocking = state.deviations.find(({ problem }) => problem === "foreign" || problem === "unreadable");
    if (blocking !== undefined) {
      const { partitions, description } = blocking;
      throw new CliError(`${describeFailed(partitions)} ${description}; nothing has changed`);
    }
    const { to, differs } = planChange(state, feature, enabled, confirmed);
    if (dryRun) await administration.requireWritable();
    // Also where nothing differs: it completes an earlier change.
    else if ((differs || state.deviations.length > 0) && !(await administration.change(state.current, to))) {
      throw new CliError(
        "somebody else has changed the store's configuration meanwhile, and this command has changed nothing: see " +
          "rollcall config show, and run it again",
      );
    }
    const { generation } = to.configuration;
    if (terminal(settings) === undefined) {
      await printJson(JSON.stringify({ feature, enabled, changed: differs, dry_run: dryRun, generation }));
    } else await print(sentence(feature, enabled, differs, dryRun, generation));
  });
}

function describeFailed(partitions: readonly number[]): string {
  return partitions.length === 1 ? `partition ${partitions[0]}:` : `partitions ${partitions.join(", ")}:`;
}

function sentence(feature: Feature, enabled: boolean, differs: boolean, dryRun: boolean, generation: number): string {
  const state = enabled ? "on" : "off";
  if (!differs) return `${feature} is ${state} already: nothing ${dryRun ? "would change" : "has changed"}`;
  if (dryRun) return `${feature} would be switched ${state}, with generation ${generation}; nothing has changed`;
  return `${feature} is ${state} now, with generation ${generation}; servers follow within a second`;
}

async function withStore(
  { store, ...settings }: Settings,
  what: string,
  work: (administration: StoreAdministration) => Promise<void>,
): Promise<void> {
  let administration: StoreAdministration | undefined;
  try {
    administration = await openAdministration(store, settings, createLogger("silent"));
    await work(administration);
  } catch (error) {
    if (error instanceof CliError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    const rest = what === "change" && !(error instanceof PartlyChangedError) ? "; nothing has changed" : "";
    throw new CliError(`cannot ${what} ${describeStoreLocation(store)}: ${reason}${rest}`);
  } finally {
    administration?.close();
  }
}
