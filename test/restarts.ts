/**
 * Restarts servers under load, one at a time, as a deployment does: `npm run test:suite -- restarts`. The callers are grpc-js with
 * a retry policy in their service config, and importers who send again what was not answered. Fails if a call fails, or
 * if something that was answered is not stored.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { credentials, loadPackageDefinition, Metadata, type ServiceError } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { createRollcallClient } from "../src/client/client.ts";
import { type ServeProcess, serve } from "./support/processes.ts";
import { startRedis } from "./support/redis.ts";
import { ada } from "./support/server.ts";
import { until } from "./support/until.ts";

const { values } = parseArgs({ options: { times: { type: "string", default: "50" } } });
const times = Number(values.times);
if (!Number.isInteger(times) || times < 1) throw new Error("--times: expected how often to restart a server");

const callers = 16;
const importers = 4;
const perMessage = 50;
/** Nobody waits longer for an answer. */
const deadlineMs = 10_000;
/** https://grpc.io/docs/guides/retry/ */
const serviceConfig = JSON.stringify({
  loadBalancingConfig: [{ round_robin: {} }],
  methodConfig: [
    {
      name: [{ service: "rollcall.v1.UserService" }],
      retryPolicy: {
        maxAttempts: 5,
        initialBackoff: "0.05s",
        maxBackoff: "1s",
        backoffMultiplier: 2,
        retryableStatusCodes: ["UNAVAILABLE"],
      },
    },
  ],
});

const redis = await startRedis();
const start = (port = 0) => serve(redis.url, ["--listen", `127.0.0.1:${port}`, "--drain-timeout", "10"]);
const servers: ServeProcess[] = [await start(), await start()];
const ports = servers.map(({ url }) => Number(new URL(url).port));

const root = new URL("../", import.meta.url).pathname;
// biome-ignore lint/suspicious/noExplicitAny: a client made at run time has no types
const definitions: any = loadPackageDefinition(
  loadSync("rollcall/v1/user_service.proto", {
    keepCase: true,
    defaults: true,
    longs: Number,
    includeDirs: [`${root}proto`],
  }),
);
const target = `ipv4:${ports.map((port) => `127.0.0.1:${port}`).join(",")}`;
const users = new definitions.rollcall.v1.UserService(target, credentials.createInsecure(), {
  "grpc.service_config": serviceConfig,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 500,
});

let over = false;
/** The greatest number that was answered for each user. */
const stored = new Map<string, number>();
const failures = new Map<string, number>();
let calls = 0;
let streamsEnded = 0;
let messages = 0;

const properties = (n: number) => ({
  fields: { name: { stringValue: ada.name }, email: { stringValue: ada.email }, n: { numberValue: n } },
});

async function callOften(id: string): Promise<void> {
  for (let n = 1; !over; n++) {
    const error = await new Promise<ServiceError | null>((resolve) => {
      const deadline = { deadline: Date.now() + deadlineMs };
      users.Identify({ id, properties: properties(n) }, new Metadata(), deadline, resolve);
    });
    calls++;
    if (error === null) stored.set(id, n);
    else failures.set(error.message, (failures.get(error.message) ?? 0) + 1);
  }
}

/** Sends messages, one after the other; on a new stream, from the first that was not answered, when one has ended. */
async function importOften(importer: number): Promise<void> {
  let n = 1;
  while (!over) {
    await new Promise<void>((resolve) => {
      const stream = users.BatchIdentify();
      const ids = Array.from({ length: perMessage }, (_, at) => `imported ${importer} ${at}`);
      const send = () => stream.write({ requests: ids.map((id) => ({ id, properties: properties(n) })) });
      stream.on("data", (answer: { created: number; updated: number; unchanged: number }) => {
        if (answer.created + answer.updated + answer.unchanged !== perMessage) throw new Error("users were refused");
        for (const id of ids) stored.set(id, n);
        messages++;
        n++;
        if (over) stream.end();
        else send();
      });
      stream.on("end", resolve);
      stream.on("error", () => {
        streamsEnded++;
        resolve();
      });
      send();
    });
  }
}

const load = Promise.all([
  ...Array.from({ length: callers }, (_, at) => callOften(`called ${at}`)),
  ...Array.from({ length: importers }, (_, at) => importOften(at)),
]);
const unclean: number[] = [];
for (let restart = 0; restart < times; restart++) {
  const at = restart % servers.length;
  const status = await servers[at]?.stop();
  if (status !== 0) unclean.push(restart);
  servers[at] = await start(ports[at]);
  // As a deployment waits for a server to be ready, and for callers to have found it.
  await until(() => connectionsTo(ports[at] ?? 0) > 0, deadlineMs);
}
over = true;
await load;

const client = createRollcallClient(servers[0]?.url ?? "");
const lost: string[] = [];
for (const [id, n] of stored) {
  const { user } = await client.getUser({ id });
  if (!(Number(user?.properties?.["n"]) >= n)) lost.push(id);
}
users.close();
for (const server of servers) await server.stop();
await redis.stop();

console.log(
  "| restarts | calls | failed | messages answered | streams ended by a restart | answered and lost | unclean stops |",
);
console.log("|--:|--:|--:|--:|--:|--:|--:|");
const failed = [...failures.values()].reduce((sum, count) => sum + count, 0);
console.log(`| ${[times, calls, failed, messages, streamsEnded, lost.length, unclean.length].join(" | ")} |`);
for (const [message, count] of failures) console.log(`${count} × ${message}`);
process.exitCode = failed + lost.length + unclean.length === 0 ? 0 : 1;

/** Connections to a port of this machine that are open: proc(5), /proc/net/tcp. */
function connectionsTo(port: number): number {
  const end = `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const established = "01";
  return readFileSync("/proc/net/tcp", "utf8")
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , remote, state]) => remote === end && state === established).length;
}
