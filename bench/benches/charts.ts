/**
 * Draws docs/performance/*.svg from what other benches wrote: `npm run bench -- compare --json compare.json`,
 * `npm run bench -- growth --json growth.json`, then `npm run bench -- charts --compare compare.json --growth growth.json`.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import type { Figures } from "../figures.ts";
import { median } from "../median.ts";

const { values } = parseArgs({ options: { compare: { type: "string" }, growth: { type: "string" } } });
const directory = fileURLToPath(new URL("../../docs/performance", import.meta.url));
mkdirSync(directory, { recursive: true });

interface GrowthPoint {
  readonly series: string;
  readonly at: number;
  readonly serverCpu: number;
  readonly redisCpu?: number;
}

if (values.compare !== undefined) {
  const results: Record<string, Record<string, Figures[]>> = JSON.parse(readFileSync(values.compare, "utf8"));
  const bars = Object.entries(results).flatMap(([what, contestants]) =>
    Object.entries(contestants).map(([by, runs]) => ({
      what,
      by,
      perSecond: median(runs.map((run) => run.perSecond ?? 0)),
    })),
  );
  const unary = bars.filter(({ what }) => /^(Identify|GetUser), (Redis|SQLite)$/.test(what));
  await draw("unary", barsOf(unary, "calls a second"));
  await draw(
    "batch",
    barsOf(
      bars.filter(({ what }) => what.startsWith("BatchIdentify, Redis")),
      "users a second",
    ),
  );
  await draw(
    "sqlite",
    barsOf(
      bars.filter(({ what }) => what.startsWith("BatchIdentify, SQLite")),
      "users a second",
    ),
  );
}

if (values.growth !== undefined) {
  const points: GrowthPoint[] = JSON.parse(readFileSync(values.growth, "utf8"));
  const lines = points.flatMap(({ series, at, serverCpu, redisCpu }) => [
    { series, at, of: "server", micros: serverCpu },
    ...(redisCpu === undefined ? [] : [{ series, at, of: "Redis", micros: redisCpu }]),
  ]);
  const named: Record<string, readonly string[]> = {
    "growth-stored": ["stored in Redis", "stored in SQLite"],
    "growth-properties": ["properties of a user, one changed"],
    "growth-callers": ["callers of Identify"],
    "growth-message": ["users in a message, one of eight properties changed"],
  };
  for (const [name, series] of Object.entries(named)) {
    await draw(
      name,
      linesOf(
        lines.filter((line) => series.includes(line.series)),
        series.join(", "),
      ),
    );
  }
}

function barsOf(data: readonly object[], unit: string): TopLevelSpec {
  return {
    data: { values: [...data] },
    mark: { type: "bar", tooltip: false },
    encoding: {
      y: { field: "by", type: "nominal", sort: null, title: null },
      x: { field: "perSecond", type: "quantitative", title: unit },
      color: { field: "by", type: "nominal", sort: null, legend: null },
      row: { field: "what", type: "nominal", sort: null, title: null, header: { labelAngle: 0, labelAlign: "left" } },
    },
    resolve: { scale: { y: "independent" } },
    width: 420,
    height: { step: 18 },
  };
}

function linesOf(data: readonly object[], title: string): TopLevelSpec {
  return {
    data: { values: [...data] },
    mark: { type: "line", point: true },
    encoding: {
      x: { field: "at", type: "quantitative", scale: { type: "log" }, title },
      y: { field: "micros", type: "quantitative", scale: { type: "symlog" }, title: "CPU time of each, µs" },
      color: { field: "of", type: "nominal", title: null },
      strokeDash: { field: "series", type: "nominal", legend: null },
    },
    width: 420,
    height: 220,
  };
}

async function draw(name: string, spec: TopLevelSpec): Promise<void> {
  const themed = { background: "white", ...spec };
  const view = new View(parse(compile(themed).spec), { renderer: "none" });
  writeFileSync(join(directory, `${name}.svg`), `${await view.toSVG()}\n`);
  console.log(`docs/performance/${name}.svg`);
}
