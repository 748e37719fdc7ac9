/**
 * Measures how long a Redis Cluster takes to move the slot of a partition, as `redis-cli --cluster reshard` does it, and how
 * long new users of that partition wait meanwhile: `npm run bench -- move --users 100000`.
 */
import { parseArgs } from "node:util";
import { createRollcallClient, importUsers, type UserToImport } from "../../src/client/index.ts";
import { createKeys, partitionOf, slotOf } from "../../src/store/redis/keys.ts";
import { startCluster } from "../../test/support/redis-cluster.ts";
import { startTestServer } from "../../test/support/server.ts";
import { median } from "../median.ts";
import { wholeNumber } from "../usage.ts";

const { values } = parseArgs({
  options: { users: { type: "string", default: "100000" }, runs: { type: "string", default: "3" } },
});
const count = wholeNumber("users", values.users);
const runs = wholeNumber("runs", values.runs);

const partition = 0;
const slot = slotOf(partition);
const properties = { name: "Ada Lovelace", email: "ada@example.com", plan: "pro", logins: 12, locale: "en-GB" };
/** Keys in one MIGRATE: the default of redis-cli's --cluster-pipeline, and more. */
const pipelines = [10, 100];

const cluster = await startCluster({ primaries: 2, replicas: 0 });
const server = await startTestServer({ store: cluster.url });
try {
  const client = createRollcallClient(server.url);
  await importUsers(client, users(), { onRefused: (_, { reason }) => fail(reason) });
  console.log(`| keys in a MIGRATE | s per million users | of that, the index | a create waited at most, s |`);
  console.log("|--:|--:|--:|--:|");
  for (const keys of pipelines) {
    const measured: Awaited<ReturnType<typeof move>>[] = [];
    for (let run = 0; run < runs; run++) measured.push(await move(keys));
    const [all, index, waited] = (["all", "index", "waited"] as const).map((what) =>
      median(measured.map((m) => m[what])),
    );
    const perMillion = (seconds = 0) => ((seconds * 1e6) / count).toFixed(1);
    console.log(`| ${keys} | ${perMillion(all)} | ${perMillion(index)} | ${waited?.toFixed(1)} |`);
  }
} finally {
  await server.stop();
  await cluster.stop();
}

/** Moves the slot to the other primary while a user is created in its partition. All figures are in seconds. */
async function move(keys: number): Promise<{ all: number; index: number; waited: number }> {
  const from = await cluster.primaryOf(slot);
  const to = (await cluster.primaries()).find((node) => node !== from);
  if (to === undefined) return fail("there is nowhere to move the slot to");
  const start = performance.now();
  const moving = await cluster.startMove(slot, to);
  const index = createKeys("rollcall:").ids(partition);
  const beforeIndex = performance.now();
  await moving.move([index]);
  const indexMs = performance.now() - beforeIndex;

  const created = create();
  // Awaited at the end.
  created.catch(() => {});
  for (;;) {
    const some = await from.admin.cluster("GETKEYSINSLOT", slot, keys);
    if (some.length === 0) break;
    await moving.move(some);
  }
  await moving.finish();
  const all = (performance.now() - start) / 1_000;
  return { all, index: indexMs / 1_000, waited: (await created) / 1_000 };
}

/** Creates a user in the partition through a stream. Resolves to the milliseconds that this took. */
async function create(): Promise<number> {
  const id = idsOf("new").next().value;
  if (id === undefined) return fail("there is no id");
  const start = performance.now();
  await importUsers(createRollcallClient(server.url), [{ id, properties }], {
    onRefused: (_, { reason }) => fail(reason),
  });
  return performance.now() - start;
}

function* users(): Generator<UserToImport> {
  let made = 0;
  for (const id of idsOf("user")) {
    yield { id, properties };
    if (++made === count) return;
  }
}

/** Ids of the partition, without end. */
function* idsOf(prefix: string): Generator<string, void, void> {
  const start = prefix === "new" ? Date.now() : 0;
  for (let at = start; ; at++) if (partitionOf(`${prefix}-${at}`) === partition) yield `${prefix}-${at}`;
}

function fail(message: string): never {
  throw new Error(message);
}
