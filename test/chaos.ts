/** Makes Redis fail in every way while users are written, and prints what callers saw: `npm run test:chaos`. */
import { Command, Option } from "commander";
import { parseCount } from "../src/cli/arguments.ts";
import { type FaultScenario, faultScenarios } from "./support/fault-scenarios.ts";

const scenarios = new Map<string, FaultScenario>(Object.entries(faultScenarios));
/** What imports and single writers saw, a column each. */
const columns = ["imported", "resumed", "written", "refused", "lost", "outOfOrder", "misjudged"] as const;
/** In addition, where the store has indexes. */
const indexedColumns = ["deleted", "found", "unfound"] as const;
/** In addition, while the configuration changes. */
const switchingColumns = ["changes", "brokenSeals"] as const;
const titles: Readonly<Record<string, string>> = { outOfOrder: "out of order", brokenSeals: "broken seals" };

interface ChaosOptions {
  readonly times: number;
  readonly seed: number;
  readonly minutes: number;
  readonly only: string[] | undefined;
  readonly besideOld?: boolean;
  readonly switching?: boolean;
  readonly indexed?: boolean;
}

new Command("test:chaos")
  .description("Runs Redis servers, makes them fail while users are written, and prints what callers saw as a table.")
  .addOption(new Option("--times <count>", "how often each fault happens").default(20).argParser(parseCount))
  .addOption(new Option("--seed <number>", "decides where and when faults happen").default(1).argParser(parseCount))
  .addOption(new Option("--minutes <count>", "give up after so long").default(60).argParser(parseCount))
  .addOption(new Option("--only <scenario...>", "run only these").choices([...scenarios.keys()]))
  .addOption(
    new Option("--beside-old", "half of the writes go through a server of the version before this one").conflicts(
      "indexed",
    ),
  )
  .addOption(
    new Option("--switching", "a feature of the store is switched on and off all the while, and its indexes change"),
  )
  .addOption(new Option("--indexed", "the store has indexes: users are deleted, too, and found by what they were last"))
  .action(run)
  .parse();

async function run({ times, seed, minutes, only, ...options }: ChaosOptions): Promise<void> {
  const { besideOld = false, switching = false, indexed = false } = options;
  // The servers end with this process.
  const timeout = setTimeout(() => {
    console.error(`not done after ${minutes} minutes`);
    process.exit(1);
  }, minutes * 60_000);

  const shown = [...columns, ...(indexed ? indexedColumns : []), ...(switching ? switchingColumns : [])];
  print(["what happened", "times", "s", ...shown.map((name) => titles[name] ?? name)]);
  print(["---", ...Array.from({ length: shown.length + 2 }, () => "--:")]);
  let broken = false;
  for (const [key, { name, keepsAll, run: runScenario }] of scenarios) {
    if (only !== undefined && !only.includes(key)) continue;
    const start = performance.now();
    const report = await runScenario(times, seed, { besideOld, switching, indexed });
    const seconds = Math.round((performance.now() - start) / 1_000);
    print([name, times, seconds, ...shown.map((column) => report[column])]);
    broken ||= (keepsAll && report.lost > 0) || report.outOfOrder > 0 || report.misjudged > 0;
    broken ||= report.unfound > 0;
    broken ||= keepsAll && !besideOld && report.brokenSeals > 0;
  }
  clearTimeout(timeout);
  if (broken) {
    console.error("What was acknowledged is not there, or not in order, is not found, or seals are broken.");
    process.exitCode = 1;
  }
}

function print(cells: readonly (string | number)[]): void {
  console.log(`| ${cells.join(" | ")} |`);
}
