/** Stores in Redis that have indexes, and looks at their entries beside the store. */
import { Cluster, Redis } from "ioredis";
import { expect, onTestFinished } from "vitest";
import { defaultServerLimits } from "../../src/config/server-limits.ts";
import { parseStoreLocation } from "../../src/config/store-url.ts";
import { openStore, type RedisSettings } from "../../src/server/open-store.ts";
import type { StoreAdapter } from "../../src/store/adapter.ts";
import type { StoreAdministration } from "../../src/store/administration.ts";
import { coalesce } from "../../src/store/lanes/coalescing-store.ts";
import { entryHome } from "../../src/store/redis/entry-homes.ts";
import { createKeys, everyPartition, partitionOf } from "../../src/store/redis/keys.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { entryOf, indexedValues } from "../../src/users/indexes/entries.ts";
import type { UserStore } from "../../src/users/store.ts";
import { readable } from "./commands.ts";
import { administrationOf, switchIndexes } from "./stores.ts";
import { sweepAll } from "./sweep-all.ts";
import { until } from "./until.ts";

const keys = createKeys("rollcall:");

export interface RunningServers {
  readonly url: string;
  stop(): Promise<void>;
}

export interface IndexedStore<Servers extends RunningServers = RunningServers> {
  readonly servers: Servers;
  readonly adapter: StoreAdapter;
  /** As the server uses it. */
  readonly store: UserStore;
  readonly administration: StoreAdministration;
  /** The test's own connection. */
  readonly redis: Redis | Cluster;
  /** The key of the set with the entries of a user. */
  entriesKey(id: string): string;
  /** Sets the indexes, `email:fold,phone`, and does the work that this asks for. */
  build(indexes: string): Promise<void>;
  /** Sets them, and the store learns of it. */
  set(indexes: string): Promise<void>;
  sweep(): Promise<void>;
  /** Another server of the same store. */
  another(): Promise<{ readonly adapter: StoreAdapter; readonly store: UserStore }>;
  /** That each user has the entries of its values, in the indexes and in its own field, and that there are no others. */
  expectInLine(): Promise<void>;
}

/** A store that ends with the test. */
export async function openIndexed<Servers extends RunningServers>(
  starting: Promise<Servers>,
  indexes: string,
  settings: RedisSettings = {},
): Promise<IndexedStore<Servers>> {
  const servers = await starting;
  onTestFinished(() => servers.stop());
  const { url } = servers;
  const another = async () => {
    const adapter = await openStore(parseStoreLocation(url), settings, createLogger("silent"));
    const store = coalesce(adapter, defaultServerLimits.maxWaitingBytes);
    onTestFinished(() => store.close());
    await until(() => store.check().then(() => true));
    return { adapter, store };
  };
  const { adapter, store } = await another();
  const administration = await administrationOf(url);
  onTestFinished(() => administration.close());
  const redis = connectionTo(url);
  const set = async (list: string) => {
    await switchIndexes(administration, list);
    await store.check();
  };
  const build = async (list: string) => {
    await set(list);
    await sweepAll(adapter);
  };
  if (indexes !== "") await build(indexes);
  const sweep = () => sweepAll(adapter);
  const expectInLine = () => expectEntriesInLine(store, redis);
  const partitioned = isCluster(url);
  const entriesKey = (id: string) => keys.entries(entryHome({ partitioned }, partitionOf(id)));
  return { servers, adapter, store, administration, redis, entriesKey, build, set, sweep, another, expectInLine };
}

/** A connection of the test's own to one server, or to a cluster. */
function connectionTo(url: string): Redis | Cluster {
  const [, hosts = ""] = url.split("//");
  const connection = isCluster(url)
    ? new Cluster(hosts.split(",").map((address) => ({ host: "127.0.0.1", port: Number(address.split(":")[1]) })))
    : new Redis(url);
  onTestFinished(() => connection.disconnect());
  return connection;
}

function isCluster(url: string): boolean {
  return url.startsWith("redis+cluster");
}

/** The entries of all partitions, in hexadecimal, sorted. */
export async function entriesIn(redis: Redis | Cluster): Promise<string[]> {
  const sets = await Promise.all(
    everyPartition.map((partition) => redis.zrangeBuffer(keys.entries(partition), "0", "-1")),
  );
  return sets.flatMap((set) => set.map((entry) => entry.toString("hex"))).sort();
}

/** That each user has the entries of its values, and that there are no others. */
export async function expectEntriesInLine(store: UserStore, redis: Redis | Cluster): Promise<void> {
  const ids = await store.list(undefined, 1_000_000);
  const users = (await store.get(ids)).map(readable);
  const { indexes = [] } = store.configuration() ?? {};
  const wanted = users.map((user) =>
    user === undefined
      ? []
      : indexedValues(indexes, user.properties).map(({ number, value }) =>
          Buffer.from(entryOf(number, value, user.id)).toString("hex"),
        ),
  );
  expect(await entriesIn(redis)).toEqual(wanted.flat().sort());
  const fields = await Promise.all(ids.map((id) => redis.hgetBuffer(keys.userIn(partitionOf(id), id), "i")));
  const own = ids.map((id, at) => startsIn(fields[at] ?? undefined).map((start) => `${start}${hexOf(id)}`));
  expect(own.map((entries) => entries.toSorted())).toEqual(wanted.map((entries) => entries.toSorted()));
}

/** In a user's field `i`: each behind its length. */
function startsIn(field: Buffer | undefined): string[] {
  // A user without entries has no field.
  if (field === undefined) return [];
  expect(field.length).toBeGreaterThan(0);
  const starts: string[] = [];
  for (let at = 0; at < field.length; at += 2 + field.readUInt16LE(at)) {
    starts.push(field.toString("hex", at + 2, at + 2 + field.readUInt16LE(at)));
  }
  expect(starts).toEqual(starts.toSorted());
  return starts;
}

function hexOf(text: string): string {
  return Buffer.from(text).toString("hex");
}
