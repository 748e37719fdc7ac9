/** Compares the CPU time of a handwritten part with that of a plain way to do the same work. */
import { median } from "../median.ts";

/** What is compared, as a table names it. */
interface Subject {
  readonly part: string;
  /** The plain way. */
  readonly against: string;
  /** The call that the part serves: a key of `CallCosts`. */
  readonly call: string;
  /** Why the part stays whatever it saves. */
  readonly guards?: string | undefined;
}

/** CPU time in microseconds, in rounds: each has both ways, one right after the other. */
export interface Comparison extends Subject {
  readonly rounds: readonly Round[];
}

export interface Round {
  readonly ours: number;
  readonly plain: number;
}

/** Two ways to do the same work, in this process. */
export interface Ways extends Subject {
  /** How many calls or users one run of either way is about. */
  readonly units: number;
  readonly ours: () => unknown;
  readonly plain: () => unknown;
}

/** CPU time of whole calls in microseconds, by name. */
export type CallCosts = ReadonlyMap<string, number>;

/** CPU time of one measurement: long beside the clock's resolution and a garbage collection. */
const measuredMicros = 40_000;
const warmUpMicros = 60_000;

/** Runs both ways in turn. The figures are for each unit. */
export function compareWays({ units, ours, plain, ...subject }: Ways, rounds: number): Comparison {
  const repeats = { ours: warmUp(ours), plain: warmUp(plain) };
  return {
    ...subject,
    rounds: Array.from({ length: rounds }, () => ({
      ours: microsOf(ours, repeats.ours) / units,
      plain: microsOf(plain, repeats.plain) / units,
    })),
  };
}

/** @returns how often the work is repeated in one measurement */
function warmUp(work: () => unknown): number {
  const start = cpuMicros();
  let done = 0;
  let took = 0;
  for (; took < warmUpMicros; took = cpuMicros() - start) {
    work();
    done++;
  }
  return Math.max(1, Math.round((done * measuredMicros) / took));
}

function microsOf(work: () => unknown, repeats: number): number {
  const start = cpuMicros();
  for (let done = 0; done < repeats; done++) work();
  return (cpuMicros() - start) / repeats;
}

/** CPU time of this process, with the threads that compile and collect garbage. */
export function cpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** A table in Markdown of whole calls, with the part and without it. */
export function callsTable(comparisons: readonly Comparison[]): string[] {
  const rows = comparisons.map(({ part, against, call, rounds }) => {
    const saved = rounds.map(({ ours, plain }) => 1 - ours / plain);
    return [part, against, call, ...medians(rounds), percent(median(saved)), spread(saved, percent)];
  });
  const heads = ["part", "plain way", "call", "µs", "µs without it", "it saves", "middle half"];
  return table(heads, 3, rows);
}

/** A table in Markdown of parts by themselves, and of the share of a whole call that each saves by that. */
export function partsTable(comparisons: readonly Comparison[], costs: CallCosts): string[] {
  const rows = comparisons.map(({ part, against, call, rounds, guards = "" }) => {
    const [ours, plain] = [median(rounds.map((round) => round.ours)), median(rounds.map((round) => round.plain))];
    const ratios = rounds.map((round) => round.plain / round.ours);
    const whole = costs.get(call);
    if (whole === undefined) throw new Error(`the cost of ${call} was not measured`);
    const share = percent((plain - ours) / (whole + plain - ours));
    return [part, against, ...medians(rounds), times(median(ratios)), spread(ratios, times), call, share, guards];
  });
  const heads = ["part", "plain way", "µs", "plain µs", "ratio", "middle half", "call", "it saves", ""];
  return table(heads, 2, rows);
}

/** @param texts how many of the columns are text; figures follow */
function table(heads: readonly string[], texts: number, rows: readonly (readonly string[])[]): string[] {
  const rule = heads.map((head, column) => (column < texts || head === "call" || head === "" ? "---" : "--:"));
  return [heads, rule, ...rows].map((cells) => `| ${cells.join(" | ")} |`);
}

function medians(rounds: readonly Round[]): string[] {
  return [median(rounds.map(({ ours }) => ours)), median(rounds.map(({ plain }) => plain))].map((micros) =>
    micros >= 20 ? micros.toFixed(0) : micros.toFixed(2),
  );
}

function spread(values: readonly number[], text: (value: number) => string): string {
  const inOrder = values.toSorted((a, b) => a - b);
  const quarter = Math.floor(inOrder.length / 4);
  return `${text(inOrder[quarter] ?? 0)} to ${text(inOrder.at(-1 - quarter) ?? 0)}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function times(ratio: number): string {
  return `${ratio.toFixed(1)} ×`;
}
