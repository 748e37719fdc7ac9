/**
 * Measures how long a Redis Cluster takes to move the slot of a partition, as `redis-cli --cluster reshard` does it, and how
 * long new users and changes of that partition wait meanwhile, without a feature and with one: `npm run bench -- move --users 100000`.
 */
import { parseArgs } from "node:util";
import { createRollcallClient, importUsers, type UserToImport } from "../../src/client/index.ts";
import { createKeys, partitionOf, slotOf } from "../../src/store/redis/keys.ts";
import type { Feature } from "../../src/users/features.ts";
import { startCluster } from "../../test/support/redis-cluster.ts";
import { startTestServer } from "../../test/support/server.ts";
import { administrationOf, switchFeatures } from "../../test/support/stores.ts";
import { until } from "../../test/support/until.ts";
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
/** The users of one partition are sealed one slice after the other, at leisure. */
const maxSealingMs = 300_000;
/** Keys in one MIGRATE: the default of redis-cli's --cluster-pipeline, and more. */
const pipelines = [10, 100];

const cluster = await startCluster({ primaries: 2, replicas: 0 });
const server = await startTestServer({ store: cluster.url });
try {
  const client = createRollcallClient(server.url);
  await importUsers(client, users(), { onRefused: (_, { reason }) => fail(reason) });
  console.log(
    "| feature | keys in a MIGRATE | s per million users | of that, the listing | a create waited at most, s | a change, s |",
  );
  console.log("|---|--:|--:|--:|--:|--:|");
  for (const features of [[], ["rehearsal"]] as const) {
    await switchOn(features);
    for (const keys of pipelines) {
      const measured: Awaited<ReturnType<typeof move>>[] = [];
      for (let run = 0; run < runs; run++) measured.push(await move(keys));
      const [all, listing, created, changed] = (["all", "listing", "created", "changed"] as const).map((what) =>
        median(measured.map((m) => m[what])),
      );
      const perMillion = (seconds = 0) => ((seconds * 1e6) / count).toFixed(1);
      const waits = `${created?.toFixed(1)} | ${changed?.toFixed(2)}`;
      console.log(`| ${features[0] ?? "none"} | ${keys} | ${perMillion(all)} | ${perMillion(listing)} | ${waits} |`);
    }
  }
} finally {
  await server.stop();
  await cluster.stop();
}

/** Moves the slot to the other primary while users of its partition are created and changed. All figures are in seconds. */
async function move(keys: number): Promise<{ all: number; listing: number; created: number; changed: number }> {
  const from = await cluster.primaryOf(slot);
  const to = (await cluster.primaries()).find((node) => node !== from);
  if (to === undefined) return fail("there is nowhere to move the slot to");
  const start = performance.now();
  const moving = await cluster.startMove(slot, to);
  const listing = createKeys("rollcall:").ids(partition);
  const beforeListing = performance.now();
  await moving.move([listing]);
  const listingMs = performance.now() - beforeListing;

  const created = create();
  // Awaited at the end.
  created.catch(() => {});
  const changes = changeAgainAndAgain();
  for (;;) {
    const some = await from.admin.cluster("GETKEYSINSLOT", slot, keys);
    if (some.length === 0) break;
    await moving.move(some);
  }
  await moving.finish();
  const all = (performance.now() - start) / 1_000;
  return { all, listing: listingMs / 1_000, created: (await created) / 1_000, changed: (await changes.stop()) / 1_000 };
}

/** Changes users that exist, one after the other. `stop` resolves to the milliseconds that the slowest took. */
function changeAgainAndAgain(): { stop(): Promise<number> } {
  const client = createRollcallClient(server.url);
  let isOver = false;
  const work = async () => {
    let slowest = 0;
    const ids = idsOf("user");
    for (let logins = 0; !isOver; logins++) {
      const { value: id } = ids.next();
      if (id === undefined) return fail("there is no id");
      const start = performance.now();
      await client.identify({ id, properties: { logins } });
      slowest = Math.max(slowest, performance.now() - start);
    }
    return slowest;
  };
  const slowest = work();
  slowest.catch(() => {});
  return {
    stop() {
      isOver = true;
      return slowest;
    },
  };
}

/** Switches features on, and waits until all users are sealed or unsealed. */
async function switchOn(features: readonly Feature[]): Promise<void> {
  const administration = await administrationOf(cluster.url);
  await switchFeatures(administration, features);
  await until(async () => {
    const { configuration } = (await administration.read()).current;
    return features.length === 0 || configuration?.seals?.complete === true;
  }, maxSealingMs);
  administration.close();
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
