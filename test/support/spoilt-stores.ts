/** Stores in which records can be damaged as bugs, operators and failing storage do it. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { Cluster, Redis } from "ioredis";
import { defaultServerLimits } from "../../src/config/server-limits.ts";
import { coalesce } from "../../src/store/lanes/coalescing-store.ts";
import { createKeys, partitionOf } from "../../src/store/redis/keys.ts";
import { UserDatabase } from "../../src/store/sqlite/database.ts";
import { openSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import type { DamagedPart } from "../../src/users/damaged.ts";
import type { UserStore } from "../../src/users/store.ts";
import { openBesideStore } from "./beside-store.ts";
import { startRedis } from "./redis.ts";
import { startCluster } from "./redis-cluster.ts";
import { openRedis, temporaryDirectory } from "./stores.ts";
import { until } from "./until.ts";

export interface SpoiltStore {
  readonly store: UserStore;
  /** As `--store` takes it. */
  readonly url: string;
  /** The kinds of damage, with what of the record cannot be read then. */
  readonly kinds: readonly (readonly [kind: string, part: DamagedPart])[];
  /** Damages the record of a user that is there. */
  spoil(id: string, kind: string): Promise<void>;
  /** What is stored of the user, whatever that is. */
  dump(id: string): Promise<unknown>;
  /** Takes the user out of the listing, and leaves its record. */
  unlist(id: string): Promise<void>;
  /** Puts an entry into the listing that no user has. */
  list(id: Buffer): Promise<void>;
  /** Replaces a user's seal. */
  seal(id: string, seal: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

const times = (created: bigint, updated: bigint) => {
  const bytes = Buffer.alloc(16);
  bytes.writeBigUInt64LE(created);
  bytes.writeBigUInt64LE(updated, 8);
  return bytes;
};
/** A Struct whose one entry is whole, with a text in it that is not UTF-8. */
const notUtf8 = Buffer.from("0a080a016112031a01ff", "hex");
const cutShort = Buffer.from("0a200a01611203", "hex");
const etag = Buffer.from("an-etag-of-20-letter");
const keys = createKeys("rollcall:");

type Change = (redis: Pick<Redis, "hset" | "hdel" | "set" | "del" | "rpush">, key: string) => Promise<unknown>;

const ofRedis: readonly (readonly [string, DamagedPart, Change])[] = [
  ["text in the place of a hash", "record", (redis, key) => redis.set(key, "no hash")],
  ["a list in the place of a hash", "record", (redis, key) => redis.del(key).then(() => redis.rpush(key, "a", "b"))],
  ["short meta", "meta", (redis, key) => redis.hset(key, "meta", "short")],
  ["meta without an etag", "meta", (redis, key) => redis.hset(key, "meta", times(1n, 2n))],
  ["no meta", "meta", (redis, key) => redis.hdel(key, "meta")],
  ["an endless etag", "meta", (redis, key) => redis.hset(key, "meta", `${times(1n, 2n)}${"x".repeat(300)}`)],
  ["garbage meta", "meta", (redis, key) => redis.hset(key, "meta", "x".repeat(36))],
  [
    "times beyond all numbers",
    "meta",
    (redis, key) => redis.hset(key, "meta", Buffer.concat([times(2n ** 60n, 2n ** 61n), etag])),
  ],
  ["no properties", "properties", (redis, key) => redis.hdel(key, "properties")],
  ["garbage properties", "properties", (redis, key) => redis.hset(key, "properties", "no Struct")],
  ["properties that are cut short", "properties", (redis, key) => redis.hset(key, "properties", cutShort)],
  ["properties with text that is not UTF-8", "properties", (redis, key) => redis.hset(key, "properties", notUtf8)],
  ["garbage preferences", "preferences", (redis, key) => redis.hset(key, "preferences", "no Struct")],
  ["preferences with text that is not UTF-8", "preferences", (redis, key) => redis.hset(key, "preferences", notUtf8)],
  ["garbage times of observation", "observed", (redis, key) => redis.hset(key, "observed", "\u0005ab")],
];

/** One server, or a cluster. */
async function openSpoiltRedis(starting: Promise<{ url: string; stop(): Promise<void> }>): Promise<SpoiltStore> {
  const servers = await starting;
  const { url } = servers;
  const store = await openRedis(url);
  await until(() => store.check().then(() => true));
  const [, ports = ""] = url.split("//");
  const redis = url.startsWith("redis+cluster")
    ? new Cluster(ports.split(",").map((address) => ({ host: "127.0.0.1", port: Number(address.split(":")[1]) })))
    : new Redis(url);
  return {
    store,
    url,
    kinds: ofRedis.map(([kind, part]) => [kind, part]),
    async spoil(id, kind) {
      const [, , change] = ofRedis.find(([known]) => known === kind) ?? [];
      if (change === undefined) throw new Error(`no kind of damage: ${kind}`);
      await change(redis, keys.user(id));
    },
    dump: (id) => redis.dumpBuffer(keys.user(id)),
    unlist: async (id) => void (await redis.zrem(keys.ids(partitionOf(id)), id)),
    list: async (id) => void (await redis.zadd(keys.ids(partitionOf(id.toString("utf8"))), 0, id)),
    seal: async (id, seal) => void (await redis.hset(keys.user(id), "f", Buffer.from(seal))),
    async close() {
      redis.disconnect();
      await store.close();
      await servers.stop();
    },
  };
}

export const openSpoilt = {
  SQLite: openSpoiltSqlite,
  Redis: () => openSpoiltRedis(startRedis()),
  "Redis Cluster": () => openSpoiltRedis(startCluster({ primaries: 2, replicas: 0 })),
} as const;

type Value = string | number | bigint | Buffer | null;

const ofSqlite: readonly (readonly [string, DamagedPart, column: string, Value])[] = [
  ["an empty etag", "meta", "etag", ""],
  ["an endless etag", "meta", "etag", "x".repeat(300)],
  ["an etag that is no text", "meta", "etag", Buffer.from("bytes")],
  ["a time before all times", "meta", "created_at", -1],
  ["a time beyond all numbers", "meta", "updated_at", 2n ** 60n],
  ["no time", "meta", "created_at", null],
  ["no properties", "properties", "properties", null],
  ["properties of another type", "properties", "properties", "text"],
  ["garbage properties", "properties", "properties", Buffer.from("no Struct")],
  ["properties that are cut short", "properties", "properties", cutShort],
  ["properties with text that is not UTF-8", "properties", "properties", notUtf8],
  ["preferences of another type", "preferences", "preferences", "text"],
  ["garbage preferences", "preferences", "preferences", Buffer.from("no Struct")],
  ["preferences with text that is not UTF-8", "preferences", "preferences", notUtf8],
  ["garbage times of observation", "observed", "observed", Buffer.from("\u0005ab")],
];

/** How many entries were listed that no user has. */
let listed = 0;

/** In a table that takes what a strict one refuses: that is what another program, or a damaged disk, leaves. */
async function openSpoiltSqlite(): Promise<SpoiltStore> {
  const directory = temporaryDirectory();
  const path = join(directory, "users.db");
  new UserDatabase(path, () => 1).close();
  inSchema(path, (schema) => {
    schema.exec(
      "UPDATE sqlite_schema SET sql = replace(replace(sql, 'STRICT', ''), 'NOT NULL', '') WHERE name = 'user'",
    );
  });
  const store = coalesce(await openSqliteStore(path), defaultServerLimits.maxWaitingBytes);
  return {
    store,
    url: `sqlite:${path}`,
    kinds: ofSqlite.map(([kind, part]) => [kind, part]),
    async spoil(id, kind) {
      const [, , column, value] = ofSqlite.find(([known]) => known === kind) ?? [];
      if (column === undefined || value === undefined) throw new Error(`no kind of damage: ${kind}`);
      inDatabase(path, (database) => database.prepare(`UPDATE user SET ${column} = ? WHERE id = ?`).run(value, id));
    },
    dump: async (id) =>
      inDatabase(path, (database) => {
        const row = database.prepare("SELECT * FROM user WHERE id = ?");
        row.setReadBigInts(true);
        return row.get(id);
      }),
    // It goes, and its row comes back where there is no index.
    async unlist(id) {
      const columns = "id, created_at, updated_at, etag, properties, preferences, observed";
      inDatabase(path, (database) => {
        database.exec(`CREATE TABLE kept AS SELECT ${columns} FROM user WHERE false`);
        database.prepare(`INSERT INTO kept SELECT ${columns} FROM user WHERE id = ?`).run(id);
        database.prepare("DELETE FROM user WHERE id = ?").run(id);
      });
      withoutIndex(path, `INSERT INTO user (${columns}) SELECT ${columns} FROM kept; DROP TABLE kept`);
    },
    // It comes with its row, which goes where there is no index.
    async list(id) {
      inDatabase(path, (database) => {
        // Under a number that no other row will get.
        const insert = database.prepare("INSERT INTO user (rid, id, etag) VALUES (?, CAST(? AS TEXT), 'gone')");
        insert.run(1_000_000 + listed++, id);
      });
      withoutIndex(path, "DELETE FROM user WHERE etag = 'gone'");
    },
    async seal(id, seal) {
      inDatabase(path, (database) => {
        const hasColumn = database.prepare("SELECT 1 FROM pragma_table_info('user') WHERE name = 'f'").get();
        if (hasColumn === undefined) database.exec("ALTER TABLE user ADD COLUMN f BLOB");
        database.prepare("UPDATE user SET f = ? WHERE id = ?").run(seal, id);
      });
    },
    async close() {
      await store.close();
      rmSync(directory, { recursive: true });
    },
  };
}

function inDatabase<Result>(path: string, work: (database: DatabaseSync) => Result): Result {
  const database = openBesideStore(path);
  try {
    return work(database);
  } finally {
    database.close();
  }
}

/** Where SQLite lets its schema be written. */
function inSchema(path: string, work: (schema: DatabaseSync) => void): void {
  const schema = openBesideStore(path, { defensive: false });
  try {
    schema.exec("PRAGMA writable_schema = ON");
    work(schema);
    // Every connection reads it again.
    const version = Object.values(schema.prepare("PRAGMA schema_version").get() ?? {})[0];
    schema.exec(`PRAGMA schema_version = ${Number(version) + 1}`);
  } finally {
    schema.close();
  }
}

/** Changes the table of users, and leaves its index as it is. */
function withoutIndex(path: string, statements: string): void {
  let sql: Value = null;
  let rootPage: Value = null;
  inSchema(path, (schema) => {
    const one = (query: string) => Object.values(schema.prepare(query).get() ?? {})[0];
    sql = String(one("SELECT sql FROM sqlite_schema WHERE name = 'user'"));
    rootPage = Number(one("SELECT rootpage FROM sqlite_schema WHERE name = 'sqlite_autoindex_user_1'"));
    schema.exec(`UPDATE sqlite_schema SET sql = replace(sql, 'UNIQUE', '') WHERE name = 'user';
      DELETE FROM sqlite_schema WHERE name = 'sqlite_autoindex_user_1'`);
  });
  inDatabase(path, (database) => database.exec(statements));
  inSchema(path, (schema) => {
    schema.prepare("UPDATE sqlite_schema SET sql = ? WHERE name = 'user'").run(sql);
    schema
      .prepare("INSERT INTO sqlite_schema (type, name, tbl_name, rootpage) VALUES ('index', ?, 'user', ?)")
      .run("sqlite_autoindex_user_1", rootPage);
  });
}
