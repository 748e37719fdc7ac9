/** The version before this one leaves alone what a newer one has added to a store beside its own tables, columns, keys and fields. */
import { join } from "node:path";
import { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { createRollcallClient, type RollcallClient } from "../../src/client/index.ts";
import { createKeys } from "../../src/store/redis/keys.ts";
import { openBesideStore } from "../support/beside-store.ts";
import { temporaryFolder } from "../support/files.ts";
import { rollcallOld } from "../support/old-version.ts";
import { ada } from "../support/server.ts";
import { emptyStores, starts } from "./both-versions.ts";

const ids = ["kept", "written"];
const added = "a newer version's";

async function create(users: RollcallClient): Promise<void> {
  for (const id of ids) await users.identify({ id, properties: { ...ada } });
}

/** Reads and writes as the old version does. */
async function use(users: RollcallClient): Promise<void> {
  await users.identify({ id: "written", properties: { written: true } });
  await users.identify({ id: "deleted", properties: { ...ada } });
  await users.deleteUser({ id: "deleted" });
  expect((await users.listUsers({})).users.map(({ id }) => id).sort()).toEqual(ids);
}

test("columns and tables in SQLite", { timeout: 60_000 }, async () => {
  const path = join(temporaryFolder(), "users.db");
  const store = `sqlite:${path}`;
  const server = await starts.old(store);
  await create(createRollcallClient(server.url));
  await server.stop();

  const database = openBesideStore(path);
  database.exec(`
    ALTER TABLE user ADD COLUMN newer BLOB;
    CREATE TABLE newer_settings (name TEXT PRIMARY KEY, value ANY) STRICT;
    CREATE INDEX user_newer ON user (newer) WHERE newer IS NOT NULL;`);
  database.prepare("UPDATE user SET newer = CAST(? AS BLOB)").run(added);
  database.prepare("INSERT INTO newer_settings VALUES (?, ?)").run("generation", 1);
  database.close();

  const again = await starts.old(store);
  await use(createRollcallClient(again.url));
  const copy = join(temporaryFolder(), "copy.db");
  expect((await rollcallOld(["backup", copy, "--store", store])).status).toBe(0);
  await again.stop();
  expect(await rollcallOld(["verify", "--store", store])).toMatchObject({ status: 0, stdout: "" });
  for (const file of [path, copy]) {
    const found = openBesideStore(file, { readOnly: true });
    expect(found.prepare("SELECT CAST(newer AS TEXT) AS newer FROM user ORDER BY id").all()).toEqual(
      ids.map(() => ({ newer: added })),
    );
    expect(found.prepare("SELECT value FROM newer_settings").all()).toEqual([{ value: 1 }]);
    found.close();
  }
});

test("fields and keys in Redis", { timeout: 60_000 }, async () => {
  const store = await emptyStores.Redis();
  const server = await starts.old(store);
  const users = createRollcallClient(server.url);
  await create(users);

  const keys = createKeys("rollcall:");
  const beside = keys.ids(0).replace(/ids$/, "newer");
  const admin = new Redis(store);
  onTestFinished(() => admin.disconnect());
  for (const id of ids) await admin.hset(keys.user(id), "newer", added);
  await admin.hset(beside, "generation", 1);

  await use(users);
  await server.stop();
  expect(await rollcallOld(["verify", "--store", store])).toMatchObject({ status: 0, stdout: "" });
  for (const id of ids) expect(await admin.hget(keys.user(id), "newer")).toBe(added);
  expect(await admin.hgetall(beside)).toEqual({ generation: "1" });
});
