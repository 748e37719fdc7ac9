/**
 * Compares Rollcall's own HTTP/2 with Node's below Rollcall, with a service in Go, and with stock grpc-js and connect-node:
 * `npm run bench -- http2`. All are measured in turn, in an order that alternates. The tables show medians.
 */
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { createCertificates } from "../../test/support/certificates.ts";
import { type RedisProcess, startRedis } from "../../test/support/redis.ts";
import { batchShape, redisArgs } from "../conditions.ts";
import { Results } from "../figures.ts";
import { openIdleConnections } from "../idle-connections.ts";
import { GoLoad } from "../load/go-load.ts";
import { LoadProcess } from "../load/load-process.ts";
import { type Lengths, loadBatches, loadUnary, type UnaryLoad } from "../loads.ts";
import { buildGoPeer } from "../peers/go-peer.ts";
import { memoryOf, type ServerProcess, startGoPeer, startPeer, startRollcall } from "../processes.ts";
import { figuresTable, verdictsTable } from "../tables.ts";
import { http2Verdicts, nodesHttp2, ownHttp2 } from "../targets.ts";
import { comparisonOptions } from "../usage.ts";

const { quick, json, runs } = comparisonOptions(1);
const lengths: Lengths = quick
  ? { warmUpSeconds: 0.3, seconds: 0.7, users: 20_000 }
  : { warmUpSeconds: 0.5, seconds: 2, users: 100_000 };
const idleConnections = 10_000;
/** Connections are closed beyond the limit, and the load has one more. */
const roomForIdle = ["--max-connections", String(idleConnections + 100)];
/** The service in Go refuses no call. A steady rate piles up more calls than the usual limit where the machine falters. */
const roomForCalls = ["--max-calls", "20000"];
const methods = ["Identify", "GetUser"] as const;

/** A server and its store. */
interface Contestant {
  readonly name: string;
  readonly server: ServerProcess;
  readonly redis: RedisProcess;
  /** The authority of its certificate, where it speaks TLS. */
  readonly ca?: string;
}

type Callers = { connections?: number; inFlight?: number; perSecond?: number };

const go = buildGoPeer();
const results = new Results();
const load = new LoadProcess();
const stopping: (() => unknown)[] = [() => load.stop()];
try {
  const certificates = createCertificates();
  stopping.push(() => certificates.remove());
  const { ca, cert, key } = certificates;
  const own = await contestant(ownHttp2, (url) => startLayer("own", url));
  const node = await contestant(nodesHttp2, (url) => startLayer("node", url));
  const inGo = go && (await contestant("Go", (url) => startGoPeer(go, url)));
  const peers = [
    await contestant("grpc-js", (url) => startPeer("grpc-js", url)),
    await contestant("connect-node", (url) => startPeer("connect-node", url)),
  ];
  const withTls: Contestant[] = [];
  for (const { name, redis } of [own, node]) {
    const server = await startLayer(layerOf(name), redis.url, ["--tls-cert", cert, "--tls-key", key]);
    stopping.push(() => server.stop());
    withTls.push({ name, server, redis, ca });
  }
  for (const each of [own, node, ...(inGo ? [inGo] : []), ...peers, ...withTls]) await warmUp(each);
  const fastest = [own, node, ...(inGo ? [inGo] : [])];
  const goLoad = go && new GoLoad(go);

  for (let run = 0; run < runs; run++) {
    process.stderr.write(`run ${run + 1} of ${runs}\n`);
    // What slows the machine down for a while hits the first and the last alike.
    const inTurn = <Item>(items: readonly Item[]) => (run % 2 === 0 ? items : items.toReversed());
    for (const method of methods) {
      for (const each of inTurn([...fastest, ...peers])) await unary(`${method}, Redis`, method, each, run);
    }
    for (const method of methods) {
      for (const each of inTurn(fastest)) {
        await unary(`${method}, one caller`, method, each, run, { connections: 1, inFlight: 1 });
      }
      const perSecond = (results.figure(`${method}, Redis`, own.name, "perSecond") ?? 0) / 2;
      for (const each of inTurn([own, ...(inGo ? [inGo] : [])])) {
        await unary(`${method}, half of Rollcall's peak`, method, each, run, { perSecond });
      }
      for (const each of inTurn(goLoad ? [own, node] : [])) {
        await unary(`${method}, a grpc-go client`, method, each, run, {}, goLoad);
      }
      for (const each of inTurn(withTls)) await unary(`${method}, TLS`, method, each, run);
    }
    for (const each of inTurn([own, node])) await batches(each, run);
    for (const each of inTurn([own, node])) await idle(each);
  }
} finally {
  for (const stop of stopping.toReversed()) await stop();
}

const lines = [
  `${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}, median of ${runs} runs`,
  "",
  ...verdictsTable(http2Verdicts(results)),
  "",
  ...figuresTable(results),
  "",
  `The bench's own load used at most ${(100 * mostOfLoad()).toFixed(0)} % of a core.`,
];
console.log(lines.join("\n"));
if (json !== undefined) writeFileSync(json, `${JSON.stringify(results, undefined, 1)}\n`);

/** Starts a server over a Redis of its own, and stores the users that unary calls draw from. */
async function contestant(name: string, start: (url: string) => Promise<ServerProcess>): Promise<Contestant> {
  const redis = await startRedis({ args: redisArgs });
  stopping.push(() => redis.stop());
  const server = await start(redis.url);
  stopping.push(() => server.stop());
  await load.run({ kind: "batch", port: server.port, ...batchShape, from: 0, to: lengths.users, value: 0 });
  return { name, server, redis };
}

/** Lets V8 compile what is called often. */
async function warmUp({ server, ca }: Contestant): Promise<void> {
  for (const method of methods) await load.run({ kind: "unary", port: server.port, ...unaryJob(method, 0, ca) });
}

async function unary(
  what: string,
  method: (typeof methods)[number],
  { name, server, redis, ca }: Contestant,
  run: number,
  callers: Callers = {},
  by: UnaryLoad = load,
): Promise<void> {
  const job = { ...unaryJob(method, run, ca), ...callers };
  results.add(what, name, await loadUnary(by, server, redis, job));
}

function unaryJob(method: (typeof methods)[number], run: number, ca?: string) {
  return { method, ca, seed: run + 1, ...lengths, connections: 4, inFlight: 32 };
}

/** Users that no run has sent, the same again, and again with one property in eight changed. */
async function batches({ name, server, redis }: Contestant, run: number): Promise<void> {
  for (const [kind, figures] of await loadBatches(load, server, redis, lengths.users, run + 1)) {
    results.add(`BatchIdentify, Redis, ${kind}`, name, figures);
  }
}

/** Memory of a server that has just started, with connections that have done nothing but exchange SETTINGS. */
async function idle({ name, redis }: Contestant): Promise<void> {
  const server = await startLayer(layerOf(name), redis.url, roomForIdle);
  try {
    results.add("no connections", name, { memory: memoryOf(server.pid).residentMiB });
    const connections = await openIdleConnections(server.port, idleConnections);
    results.add(`${idleConnections} idle connections`, name, { memory: memoryOf(server.pid).residentMiB });
    connections.close();
  } finally {
    await server.stop();
  }
}

function startLayer(layer: "own" | "node", redis: string, args: readonly string[] = []): Promise<ServerProcess> {
  return startRollcall(redis, ["--http2", layer, ...roomForCalls, ...args]);
}

function layerOf(name: string): "own" | "node" {
  return name === ownHttp2 ? "own" : "node";
}

/** The share of a core that the bench's own load used where it used most. */
function mostOfLoad(): number {
  const ofBench = results.measured().filter((what) => !what.includes("grpc-go client"));
  const shares = ofBench.flatMap((what) =>
    results.measuredBy(what).flatMap((by) => {
      return results.runs(what, by).map(({ perSecond = 0, loadCpu = 0 }) => (perSecond * loadCpu) / 1e6);
    }),
  );
  return Math.max(...shares);
}
