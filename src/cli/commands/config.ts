import { Command } from "@commander-js/extra-typings";
import { addOptions, type ValuesOf } from "../../config/declare-options.ts";
import type { Feature } from "../../users/features.ts";
import { changeStore, withAdministration } from "../configuration/change.ts";
import { planFeature, switchedFeature, switchedFeatures } from "../configuration/features.ts";
import { changeOptions, confirmedChangeOptions, readingOptions } from "../configuration/options.ts";
import { jsonOfState, linesOfState } from "../configuration/state.ts";
import { terminal } from "../output.ts";
import { print, printJson } from "../standard-streams.ts";

const help = `
Servers follow a change within a second, and no call fails. docs/upgrades.md#features says what a feature is, and
docs/upgrades.md#upgrades what to do before the first one is switched on. The feature indexes is on while the store has
indexes: see rollcall indexes.

Examples:
  rollcall config show --store sqlite:/var/lib/rollcall/users.db
  rollcall config enable rehearsal --store redis://10.0.0.1:6379 --dry-run
  rollcall config enable rehearsal --store redis://10.0.0.1:6379 --all-servers-are 0.2
  rollcall config disable rehearsal --store redis://10.0.0.1:6379`;

export function configCommand() {
  const names = `one of ${switchedFeatures.join(", ")}`;
  const show = new Command("show").description("print the store's id, its features, indexes and generation");
  const enable = new Command("enable").description("switch a feature on").argument("<feature>", names);
  const disable = new Command("disable").description("switch a feature off").argument("<feature>", names);
  return new Command("config")
    .description("see or change what a store is configured for, also while servers use it")
    .addCommand(addOptions(show, readingOptions).addHelpText("after", help).action(showConfiguration))
    .addCommand(addOptions(enable, confirmedChangeOptions).addHelpText("after", help).action(switchOn))
    .addCommand(addOptions(disable, changeOptions).addHelpText("after", help).action(switchOff))
    .addHelpText("after", help);
}

async function showConfiguration(settings: ValuesOf<typeof readingOptions>): Promise<void> {
  const state = await withAdministration(settings, "read the configuration of", (administration) =>
    administration.read(),
  );
  if (terminal(settings) === undefined) await printJson(jsonOfState(state));
  else await print(...linesOfState(state));
}

function switchOn(name: string, settings: ValuesOf<typeof confirmedChangeOptions>): Promise<void> {
  return change(switchedFeature(name), true, settings.allServersAre !== undefined, settings);
}

function switchOff(name: string, settings: ValuesOf<typeof changeOptions>): Promise<void> {
  return change(switchedFeature(name), false, false, settings);
}

async function change(
  feature: Feature,
  enabled: boolean,
  confirmed: boolean,
  settings: ValuesOf<typeof changeOptions>,
): Promise<void> {
  const { plan, dryRun } = await changeStore(settings, (state) => planFeature(state, feature, enabled, confirmed));
  const { differs, to } = plan;
  const { generation } = to.configuration;
  if (terminal(settings) === undefined) {
    await printJson(JSON.stringify({ feature, enabled, changed: differs, dry_run: dryRun, generation }));
  } else await print(sentence(feature, enabled, differs, dryRun, generation));
}

function sentence(feature: Feature, enabled: boolean, differs: boolean, dryRun: boolean, generation: number): string {
  const state = enabled ? "on" : "off";
  if (!differs) return `${feature} is ${state} already: nothing ${dryRun ? "would change" : "has changed"}`;
  if (dryRun) return `${feature} would be switched ${state}, with generation ${generation}; nothing has changed`;
  return `${feature} is ${state} now, with generation ${generation}; servers follow within a second`;
}
