/** What probes over plain HTTP see of a server, whose callers speak TLS and show certificates. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Certificates, createCertificates } from "../support/certificates.ts";
import { holdCall } from "../support/held-call.ts";
import { type ServeProcess, serve } from "../support/processes.ts";
import { type RedisProcess, startRedis } from "../support/redis.ts";
import { until } from "../support/until.ts";

let certificates: Certificates;
let redis: RedisProcess;
let server: ServeProcess;
let probes: string;
beforeAll(async () => {
  certificates = createCertificates();
  redis = await startRedis();
  const tls = ["--tls-cert", certificates.cert, "--tls-key", certificates.key];
  const more = ["--tls-client-ca", certificates.ca, "--tls-client-certs", "request", "--insecure"];
  let log = "";
  const watched = ["--metrics-listen", "127.0.0.1:0", "--log-level", "info"];
  server = await serve(redis.url, [...tls, ...more, ...watched], (piece) => (log += piece));
  const port = await until(() => Number(/"port":(\d+)}.*"metrics are served"/.exec(log)?.[1] ?? Number.NaN) || false);
  probes = `http://127.0.0.1:${port}`;
});
afterAll(async () => {
  await server.stop();
  await redis.stop();
  certificates.remove();
});

async function probe(page: string, method = "GET"): Promise<[status: number, text: string]> {
  const response = await fetch(`${probes}/${page}`, { method });
  return [response.status, await response.text()];
}

test("it is alive and ready", async () => {
  expect(await probe("healthz")).toEqual([200, "yes\n"]);
  expect(await probe("readyz?verbose")).toEqual([200, "yes\n"]);
  expect(await probe("readyz", "HEAD")).toEqual([200, ""]);
});

test("there is nothing else beside its metrics, and nothing to change", async () => {
  expect(await probe("")).toEqual([404, "not found; the pages are /metrics, /healthz, /readyz\n"]);
  expect((await probe("readyz", "POST"))[0]).toBe(404);
});

test("without its store it is alive and not ready, until the store is back", async () => {
  redis.kill("SIGKILL");
  await until(async () => (await probe("readyz"))[0] === 503);
  expect(await probe("readyz")).toEqual([503, "no\n"]);
  expect(await probe("healthz")).toEqual([200, "yes\n"]);
  await redis.restart();
  await until(async () => (await probe("readyz"))[0] === 200);
});

test("while it finishes what is under way it is alive and not ready", async () => {
  const held = await holdCall(server.url, readFileSync(certificates.ca));
  const ended = server.stop();
  await until(async () => (await probe("readyz"))[0] === 503);
  expect(await probe("healthz")).toEqual([200, "yes\n"]);
  expect(await held.finish()).toBe(404);
  expect(await ended).toBe(0);
});
