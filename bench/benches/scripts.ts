/**
 * Measures how long one script call blocks Redis: `npm run bench -- scripts`.
 *
 * Users of several sizes are written and read through the service. Redis' own slow log has the time of each call. The same
 * run measures a script that reads as many hashes of the same bytes and overwrites them without merging.
 */
import { parseArgs } from "node:util";
import type { JsonObject } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { Redis } from "ioredis";
import { exampleUsers } from "../../scripts/example-users.ts";
import { createRollcallClient, type RollcallClient } from "../../src/client/index.ts";
import { startRedis } from "../../test/support/redis.ts";
import { startTestServer } from "../../test/support/server.ts";
import { median } from "../median.ts";
import { wholeNumber } from "../usage.ts";

interface Load {
  readonly name: string;
  readonly users: readonly { id: string; properties: JsonObject }[];
  /** Users in one message. */
  readonly perChunk: number;
}

const { values } = parseArgs({ options: { runs: { type: "string", default: "5" } } });
const runs = wholeNumber("runs", values.runs);

const loads: readonly Load[] = [
  { name: "example users", users: [...exampleUsers(20_000, 1)], perChunk: 1_000 },
  { name: "512 properties", users: many(400, () => numbered(512, 1)), perChunk: 100 },
  { name: "256 KiB", users: many(100, () => numbered(4, 65_000)), perChunk: 10 },
];

/** KEYS: hashes; ARGV: what each is to hold. */
const overwrite = `
for i = 1, #KEYS do
  redis.call('HMGET', KEYS[i], 'meta', 'properties', 'preferences', 'observed')
  redis.call('HSET', KEYS[i], 'properties', ARGV[i])
end`;

const measured = new Map<string, { calls: number; ratios: number[]; durations: number[]; users: number }>();
for (let run = 0; run < runs; run++) for (const load of loads) await measure(load);
console.log(
  "| users | what is done | users per call | median ms | 99th percentile ms | worst ms | median × overwriting |",
);
console.log("|---|---|--:|--:|--:|--:|--:|");
for (const [name, { calls, durations, ratios, users }] of measured) {
  const inOrder = durations.toSorted((a, b) => a - b);
  const at = (share: number) => ((inOrder[Math.floor((inOrder.length - 1) * share)] ?? 0) / 1_000).toFixed(2);
  console.log(
    `| ${name} | ${(users / calls).toFixed(0)} | ${at(0.5)} | ${at(0.99)} | ${at(1)} | ${median(ratios).toFixed(1)} |`,
  );
}

async function measure(load: Load): Promise<void> {
  const redis = await startRedis({ args: ["--slowlog-log-slower-than", "0", "--slowlog-max-len", "100000"] });
  const server = await startTestServer({ store: redis.url, requiredProperties: [] });
  const admin = new Redis(redis.url);
  try {
    const client = createRollcallClient(server.url);
    const write = (change: JsonObject, observedAt?: Date) => batchIdentify(client, load, change, observedAt);
    await busy(admin, load, "created", () => write({}));
    await busy(admin, load, "unchanged", () => write({}));
    await busy(admin, load, "one property changed", () => write({ p0: "changed" }));
    await busy(admin, load, "read", () => read(client, load));
    await busy(admin, load, "changed, all with a time of observation", () => write({ p0: "again" }, new Date()));
  } finally {
    admin.disconnect();
    await server.stop();
    await redis.stop();
  }
}

/** Does some work and records how long each of its script calls took. */
async function busy(admin: Redis, load: Load, what: string, work: () => Promise<void>): Promise<void> {
  await admin.slowlog("RESET");
  await work();
  const durations = await slowLog(admin, "evalsha");
  const name = `${load.name} | ${what}`;
  const all = measured.get(name) ?? { calls: 0, durations: [], ratios: [], users: 0 };
  measured.set(name, all);
  all.calls += durations.length;
  all.users += load.users.length;
  all.durations.push(...durations);

  const values = load.users.map(({ properties }) => JSON.stringify(properties));
  const perCall = Math.max(1, Math.round(values.length / durations.length));
  const calls = Array.from({ length: Math.ceil(values.length / perCall) }, (_, call) =>
    values.slice(call * perCall, (call + 1) * perCall),
  );
  const overwriteAll = async () => {
    for (const [call, some] of calls.entries()) {
      await admin.eval(overwrite, some.length, ...some.map((_, index) => `peer-${call}-${index}`), ...some);
    }
  };
  await overwriteAll();
  await admin.slowlog("RESET");
  await overwriteAll();
  all.ratios.push(median(durations) / median(await slowLog(admin, "eval")));
  for (const [call, some] of calls.entries()) await admin.del(some.map((_, index) => `peer-${call}-${index}`));
}

/** The time of each call of a command, in microseconds. */
async function slowLog(admin: Redis, command: string): Promise<number[]> {
  const entries = (await admin.slowlog("GET", -1)) as [number, number, number, string[]][];
  return entries.filter(([, , , [name]]) => name?.toLowerCase() === command).map(([, , micros]) => micros);
}

async function batchIdentify(client: RollcallClient, load: Load, change: JsonObject, observedAt?: Date): Promise<void> {
  async function* chunks() {
    for (let at = 0; at < load.users.length; at += load.perChunk) {
      const some = load.users.slice(at, at + load.perChunk);
      yield {
        requests: some.map(({ id, properties }) => ({
          id,
          properties: { ...properties, ...change },
          ...(observedAt === undefined ? {} : { observedAt: timestampFromDate(observedAt) }),
        })),
      };
    }
  }
  for await (const { results } of client.batchIdentify(chunks())) {
    const refused = results.find(({ error }) => error !== undefined);
    if (refused !== undefined) throw new Error(`refused: ${JSON.stringify(refused.error)}`);
  }
}

async function read(client: RollcallClient, load: Load): Promise<void> {
  for (let at = 0; at < load.users.length; at += load.perChunk) {
    const ids = load.users.slice(at, at + load.perChunk).map(({ id }) => id);
    const { users } = await client.batchGetUsers({ ids });
    if (users.length !== ids.length) throw new Error("users are missing");
  }
}

function many(count: number, properties: () => JsonObject): { id: string; properties: JsonObject }[] {
  return Array.from({ length: count }, (_, index) => ({ id: `user-${index}`, properties: properties() }));
}

/** `count` properties, each a string of `size` bytes. */
function numbered(count: number, size: number): JsonObject {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`p${index}`, "x".repeat(size)]));
}
