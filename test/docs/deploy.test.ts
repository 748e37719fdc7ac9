/** What deploy/ says in two places, or of the program, is the same. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { serveOptions } from "../../src/config/options.ts";

const text = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), "utf8");
const deployment = parse(text("deploy/kubernetes/deployment.yaml")).spec.template.spec;
const container = deployment.containers[0];
const compose = parse(text("deploy/compose.yaml")).services.rollcall;
const variable = (name: string) => container.env.find((entry: { name: string }) => entry.name === name)?.value;

/** What a stop may take beyond the drain timeout. */
const stopGraceSeconds = 5;

test("a pod and a container have the time to drain", () => {
  const pause = container.lifecycle.preStop.sleep.seconds;
  const drain = Number(variable("ROLLCALL_DRAIN_TIMEOUT"));
  expect(deployment.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(pause + drain + stopGraceSeconds);
  const { ROLLCALL_DRAIN_TIMEOUT } = compose.environment;
  const grace = Number.parseInt(compose.stop_grace_period, 10);
  expect(grace).toBeGreaterThanOrEqual(Number(ROLLCALL_DRAIN_TIMEOUT) + stopGraceSeconds);
});

test("the alert on memory comes before the limit is reached", () => {
  const rules: { alert: string; expr: string }[] = parse(text("deploy/prometheus/alerts.yaml")).groups[0].rules;
  const bytes = Number(rules.find(({ alert }) => alert === "RollcallMemoryHigh")?.expr.split(">")[1]);
  const limit = Number.parseInt(container.resources.limits.memory, 10) * 1024 ** 2;
  expect(bytes / limit).toBeGreaterThan(0.8);
  expect(bytes / limit).toBeLessThan(0.9);
});

test("every variable that is set is an option's", () => {
  const known = new Set(Object.values(serveOptions).map(({ envVar }) => envVar));
  const tls = [...text("deploy/kubernetes/tls/deployment.yaml").matchAll(/ROLLCALL_\w+/g)].map(([name]) => name);
  const image = [...text("Dockerfile").matchAll(/\bROLLCALL_\w+/g)].map(([name]) => name);
  const pod = container.env.map(({ name }: { name: string }) => name);
  const set = [...pod, ...tls, ...image, ...Object.keys(compose.environment)];
  expect(set.length).toBeGreaterThan(10);
  for (const name of set) expect(known).toContain(name);
});

test("the image has the Node that the tests run on", () => {
  const { node } = JSON.parse(text("package.json")).devDependencies;
  expect(text("Dockerfile")).toMatch(new RegExp(`^ARG NODE_IMAGE=node:${node}-`, "m"));
});
