/** Results as tables in Markdown. */
import type { Figures, Results } from "./figures.ts";
import type { Verdict } from "./targets.ts";

const columns: readonly [name: keyof Figures, title: string, digits: number][] = [
  ["perSecond", "a second", 0],
  ["serverCpu", "server µs", 1],
  ["redisCpu", "Redis µs", 1],
  ["loadCpu", "load µs", 1],
  ["p50", "p50 ms", 2],
  ["p99", "p99 ms", 2],
];

export function figuresTable(results: Results): string[] {
  const heads = columns.map(([, title]) => title);
  const lines = [`| what | by | ${heads.join(" | ")} |`, `|---|---|${columns.map(() => "--:|").join("")}`];
  for (const what of results.measured()) {
    for (const by of results.measuredBy(what)) {
      const cells = columns.map(([name, , digits]) => {
        const figure = results.figure(what, by, name);
        return figure === undefined ? "" : figure.toFixed(digits);
      });
      lines.push(`| ${what} | ${by} | ${cells.join(" | ")} |`);
    }
  }
  return lines;
}

export function verdictsTable(verdicts: readonly Verdict[]): string[] {
  const rows = verdicts.map(({ target, required, reached }) => {
    const verdict = reached === undefined ? "not measured" : reached >= required ? "reached" : "missed";
    return `| ${target} | ${required} | ${reached?.toFixed(2) ?? ""} | ${verdict} |`;
  });
  return ["| target, as a ratio | at least | reached | |", "|---|--:|--:|---|", ...rows];
}
