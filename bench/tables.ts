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
  ["memory", "MiB", 0],
];

/** Has no column without figures. */
export function figuresTable(results: Results): string[] {
  const rows = results.measured().flatMap((what) => results.measuredBy(what).map((by) => [what, by] as const));
  const filled = columns.filter(([name]) => rows.some(([what, by]) => results.figure(what, by, name) !== undefined));
  const heads = filled.map(([, title]) => title);
  return [
    `| what | by | ${heads.join(" | ")} |`,
    `|---|---|${filled.map(() => "--:|").join("")}`,
    ...rows.map(([what, by]) => {
      const cells = filled.map(([name, , digits]) => results.figure(what, by, name)?.toFixed(digits) ?? "");
      return `| ${what} | ${by} | ${cells.join(" | ")} |`;
    }),
  ];
}

export function verdictsTable(verdicts: readonly Verdict[]): string[] {
  const rows = verdicts.map(({ ratio, bound, required, reached }) => {
    const holds = reached !== undefined && (bound === "≥" ? reached >= required : reached <= required);
    const verdict = reached === undefined ? "not measured" : holds ? "reached" : "missed";
    return `| ${ratio} | ${bound} ${required} | ${reached?.toFixed(2) ?? ""} | ${verdict} |`;
  });
  return ["| ratio | target | reached | |", "|---|--:|--:|---|", ...rows];
}
