import { Command } from "@commander-js/extra-typings";
import { addOptions, type ValuesOf } from "../../config/declare-options.ts";
import type { StoreState } from "../../store/administration.ts";
import { type IndexChange, maintainedIndexes } from "../../store/index-change.ts";
import { formatIndexedProperties, type IndexedProperty } from "../../users/indexes/indexed-property.ts";
import { type Change, changeStore, withAdministration } from "../configuration/change.ts";
import { indexedProperties, planDrop, planIndexes } from "../configuration/indexes.ts";
import { changeOptions, confirmedChangeOptions, readingOptions } from "../configuration/options.ts";
import { jsonOfIndexes, linesOfIndexes } from "../configuration/state.ts";
import { terminal } from "../output.ts";
import { print, printJson } from "../standard-streams.ts";

const help = `
Servers follow a change within a second, and no call fails. One of them builds new indexes and empties dropped ones in the
background; list shows how far it is. NAME:fold ignores case. It also takes ß as ss, but not ı as i. At most 8 properties can be
indexed.
docs/operating.md#indexes says which to choose, and what they cost.

Examples:
  rollcall indexes list --store sqlite:/var/lib/rollcall/users.db
  rollcall indexes set email:fold,phone --store redis://10.0.0.1:6379 --dry-run
  rollcall indexes set email:fold,phone --store redis://10.0.0.1:6379 --all-servers-are 0.2
  rollcall indexes drop phone --store redis://10.0.0.1:6379`;

export function indexesCommand() {
  const list = new Command("list").description("print the indexes, and how far their building is");
  const set = new Command("set")
    .description("say which indexes the store has: builds new ones, and drops the others")
    .argument("<properties...>", "NAME or NAME:fold, separated by commas");
  const drop = new Command("drop").description("drop some indexes").argument("<properties...>", "their properties");
  return new Command("indexes")
    .description("see or change the indexes of a store, which rollcall find needs, also while servers use it")
    .addCommand(addOptions(list, readingOptions).addHelpText("after", help).action(listIndexes))
    .addCommand(addOptions(set, confirmedChangeOptions).addHelpText("after", help).action(setIndexes))
    .addCommand(addOptions(drop, changeOptions).addHelpText("after", help).action(dropIndexes))
    .addHelpText("after", help);
}

async function listIndexes(settings: ValuesOf<typeof readingOptions>): Promise<void> {
  const { state, progress } = await withAdministration(
    settings,
    "read the configuration of",
    async (administration) => {
      const read = await administration.read();
      const isWorkedOn = read.current.configuration?.indexes.some((index) => index.state !== "ready") === true;
      // The rest is known without it, where a primary is away.
      return { state: read, progress: isWorkedOn ? await administration.progress().catch(() => undefined) : undefined };
    },
  );
  if (terminal(settings) === undefined) await printJson(jsonOfIndexes(state, progress));
  else await print(...linesOfIndexes(state, progress));
}

function setIndexes(args: readonly string[], settings: ValuesOf<typeof confirmedChangeOptions>): Promise<void> {
  const wanted = indexedProperties(args);
  return change(settings, (state) => planIndexes(state, wanted, settings.allServersAre !== undefined));
}

function dropIndexes(args: readonly string[], settings: ValuesOf<typeof changeOptions>): Promise<void> {
  const unwanted = indexedProperties(args);
  return change(settings, (state) => planDrop(state, unwanted));
}

async function change(
  settings: ValuesOf<typeof changeOptions>,
  plan: (state: StoreState) => IndexChange,
): Promise<void> {
  const done = await changeStore(settings, plan);
  if (terminal(settings) === undefined) await printJson(jsonOf(done));
  else await print(...sentences(done));
}

function jsonOf({ plan, dryRun }: Change<IndexChange>): string {
  const { differs, added, dropped, to } = plan;
  const { indexes, generation } = to.configuration;
  return JSON.stringify({
    indexes: indexes.map(({ property, folded, number, state }) => ({ property, folded, number, state })),
    added: added.map((each) => formatIndexedProperties([each])),
    dropped: dropped.map((each) => formatIndexedProperties([each])),
    changed: differs,
    dry_run: dryRun,
    generation,
  });
}

/** For people: what has changed, what happens next, and how to watch it. */
function sentences({ plan, dryRun }: Change<IndexChange>): string[] {
  const { differs, added, dropped, to } = plan;
  const { configuration } = to;
  const which = namesOf(maintainedIndexes(configuration)) || "no indexes";
  if (!differs) return [`The store has already: ${which}. Nothing ${dryRun ? "would change" : "has changed"}.`];
  const work = [...workOnAdded(added, dryRun), ...workOnDropped(dropped, dryRun)];
  return dryRun
    ? [`With this change the store has: ${which}.`, ...work, "Nothing has changed."]
    : [
        `The store has: ${which}. Servers follow within a second.`,
        ...work,
        "rollcall indexes list shows how far that is.",
      ];
}

function workOnAdded(added: readonly IndexedProperty[], dryRun: boolean): string[] {
  if (added.length === 0) return [];
  const [it, what] = added.length === 1 ? ["it", "the property"] : ["them", "these properties"];
  const build = dryRun ? `would build ${it}` : `builds ${it}`;
  const fails = dryRun ? "would fail" : "fails";
  return [
    `new: ${namesOf(added)}. A server ${build} in the background; until then, FindUsers by ${what} ${fails} with INDEX_NOT_READY.`,
  ];
}

function workOnDropped(dropped: readonly IndexedProperty[], dryRun: boolean): string[] {
  if (dropped.length === 0) return [];
  const [it, its] = dropped.length === 1 ? ["it", "its"] : ["them", "their"];
  const cannot = dryRun ? "could not" : "cannot";
  const removes = dryRun ? "would remove" : "removes";
  return [
    `dropped: ${namesOf(dropped)}. FindUsers ${cannot} use ${it}; a server ${removes} ${its} entries in the background.`,
  ];
}

function namesOf(indexed: readonly IndexedProperty[]): string {
  return indexed.map((each) => formatIndexedProperties([each])).join(", ");
}
