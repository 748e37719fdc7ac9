/** Stores of each kind, whose stored configuration a test reads and writes by hand. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { Cluster, Redis } from "ioredis";
import { createKeys, everyPartition } from "../../src/store/redis/keys.ts";
import { openBesideStore } from "./beside-store.ts";
import { startRedis } from "./redis.ts";
import { startCluster } from "./redis-cluster.ts";
import { temporaryDirectory } from "./stores.ts";

/** The stored form of a configuration. */
export interface StoredForm {
  readonly stamp: string;
  readonly configuration: Readonly<Record<string, unknown>>;
}

export interface StoredConfigurations {
  /** As `--store` takes it. */
  readonly url: string;
  /** Of each partition; SQLite has one. */
  read(): Promise<readonly (StoredForm | undefined)[]>;
  /** Replaces that of partitions; by default of all. */
  write(form: StoredForm, partitions?: readonly number[]): Promise<void>;
  /** Takes it away from partitions, by default from all, as a version that knows no configurations leaves the store. */
  remove(partitions?: readonly number[]): Promise<void>;
  close(): Promise<void>;
}

const keys = createKeys("rollcall:");

async function inRedis(starting: Promise<{ url: string; stop(): Promise<void> }>): Promise<StoredConfigurations> {
  const servers = await starting;
  const [, ports = ""] = servers.url.split("//");
  const redis = servers.url.startsWith("redis+cluster")
    ? new Cluster(ports.split(",").map((address) => ({ host: "127.0.0.1", port: Number(address.split(":")[1]) })))
    : new Redis(servers.url);
  return {
    url: servers.url,
    async read() {
      const found = await Promise.all(
        everyPartition.map((partition) => redis.hmget(keys.configuration(partition), "stamp", "configuration")),
      );
      return found.map(([stamp, configuration]) => formOf(stamp, configuration));
    },
    async write({ stamp, configuration }, partitions = everyPartition) {
      const text = JSON.stringify(configuration);
      await Promise.all(partitions.map((each) => redis.hset(keys.configuration(each), { stamp, configuration: text })));
    },
    async remove(partitions = everyPartition) {
      await Promise.all(partitions.map((each) => redis.del(keys.configuration(each))));
    },
    async close() {
      redis.disconnect();
      await servers.stop();
    },
  };
}

async function inSqlite(): Promise<StoredConfigurations> {
  const directory = temporaryDirectory();
  const path = join(directory, "users.db");
  const withDatabase = <Result>(work: (database: ReturnType<typeof openBesideStore>) => Result): Result => {
    const database = openBesideStore(path);
    try {
      return work(database);
    } finally {
      database.close();
    }
  };
  return {
    url: `sqlite:${path}`,
    read: async () =>
      withDatabase((database) => {
        const row = database.prepare("SELECT stamp, configuration FROM store").get();
        return [formOf(row?.["stamp"], row?.["configuration"])];
      }),
    write: async ({ stamp, configuration }) =>
      withDatabase((database) => {
        const update = database.prepare("UPDATE store SET stamp = ?, configuration = ?");
        update.run(stamp, JSON.stringify(configuration));
      }),
    remove: async () => withDatabase((database) => database.exec("DROP TABLE store")),
    close: async () => rmSync(directory, { recursive: true }),
  };
}

function formOf(stamp: unknown, configuration: unknown): StoredForm | undefined {
  if (typeof stamp !== "string" || typeof configuration !== "string") return undefined;
  return { stamp, configuration: JSON.parse(configuration) };
}

export const openStoredConfigurations = {
  SQLite: inSqlite,
  Redis: () => inRedis(startRedis()),
  "Redis Cluster": () => inRedis(startCluster({ primaries: 2, replicas: 0 })),
} as const;

/** A configuration with a feature that no version has. */
export function withUnknownFeature({ stamp, configuration }: StoredForm): StoredForm {
  return { stamp: `${stamp}.newer`, configuration: { ...configuration, features: 2 ** 30 } };
}
