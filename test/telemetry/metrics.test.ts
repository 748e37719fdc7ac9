/** docs/operating.md: its table of metrics has each metric with its labels. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";
import { parseStoreLocation } from "../../src/config/store-url.ts";
import { startServer } from "../../src/server/server.ts";
import { Metrics } from "../../src/telemetry/metrics.ts";
import { formatMetrics, openPulledMetrics } from "../../src/telemetry/prometheus.ts";
import { noTelemetry } from "../../src/telemetry/telemetry.ts";
import { temporaryFolder } from "../support/files.ts";

/** The metrics that a server has from its start. */
async function ofServer() {
  const { meter, collect } = openPulledMetrics();
  const server = await startServer({
    listen: { host: "127.0.0.1", port: 0 },
    store: parseStoreLocation(`sqlite:${join(temporaryFolder(), "users.db")}`),
    requiredProperties: [],
    drainTimeoutMs: 100,
    logger: pino({ level: "silent" }),
    telemetry: { ...noTelemetry, meters: [meter] },
  });
  onTestFinished(() => server.drain());
  return collect();
}

/** Each counter and histogram, with all its labels. */
async function ofCalls() {
  const { meter, collect } = openPulledMetrics();
  const metrics = new Metrics([meter]);
  onTestFinished(() => metrics.close());
  metrics.callBegan("GetUser");
  metrics.callEnded({ method: "GetUser", system: "grpc", status: "X", principal: "billing", reason: "Y" }, 1);
  metrics.storeCall("redis", "get", 1, "STORE_UNAVAILABLE");
  metrics.batchItems("created", 1);
  metrics.connectionTurnedAway("limit");
  metrics.goaway("age");
  metrics.requestRefused("open");
  metrics.requestCutOff("memory");
  metrics.damagedRecords("meta");
  return collect();
}

test("the table of metrics has each metric with its labels, and no other", async () => {
  const doc = readFileSync(new URL("../../docs/operating.md", import.meta.url), "utf8");
  const [table = ""] = doc.slice(doc.indexOf("| metric, as Prometheus has it |")).split("\n\n");
  const codeIn = (cell = "") => [...cell.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code);
  const documented = table
    .split("\n")
    .slice(2)
    .flatMap((row) => {
      const [, names, labels] = row.split("|");
      const [first = "", ...others] = codeIn(names);
      const all = [first, ...others.map((name) => (name.startsWith("_") ? first.replace(/_[^_]+$/, name) : name))];
      return all.map((name) => [name, codeIn(labels)] as const);
    });

  const text = formatMetrics(
    new Map([
      ["server", await ofServer()],
      ["calls", await ofCalls()],
    ]),
  );
  const labelsOf = (name: string) => {
    const series = [...text.matchAll(new RegExp(`^${name}(?:_bucket|_count|_sum)?\\{(.*)\\} `, "gm"))];
    const labels = series.flatMap(([, set = ""]) => [...set.matchAll(/(\w+)="/g)].map(([, label = ""]) => label));
    return [...new Set(labels)].filter((label) => label !== "worker" && label !== "le");
  };
  const names = [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name = ""]) => name);
  expect(documented.map(([name]) => name).toSorted()).toEqual(names.toSorted());
  for (const [name, labels] of documented) expect(labels, name).toEqual(expect.arrayContaining(labelsOf(name)));
  expect(documented.flatMap(([, labels]) => labels).filter((label) => !text.includes(`${label}="`))).toEqual([]);
});
