import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createRollcallClient } from "../../src/client/client.ts";
import { backUpDatabase } from "../../src/store/sqlite/backup.ts";
import { rollcall, startRollcall } from "../support/processes.ts";
import { ada, startTestServer } from "../support/server.ts";
import { makePipe } from "../support/special-files.ts";
import { until } from "../support/until.ts";

let directory: string;
let database: string;
let copy: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "rollcall-backup-"));
  database = join(directory, "users.db");
  copy = join(directory, "copy.db");
});
afterEach(() => rmSync(directory, { recursive: true }));

const unfinished = () => readdirSync(directory).filter((name) => name.endsWith(".unfinished"));

test("a backup made while users are written has those that were there before, and can be served", async () => {
  const server = await startTestServer({ store: `sqlite:${database}` });
  const users = createRollcallClient(server.url);
  for (let n = 0; n < 300; n++) await users.identify({ id: `user ${n}`, properties: { ...ada, n } });
  let over = false;
  const writing = (async () => {
    for (let n = 0; !over; n++) await users.identify({ id: `user ${n % 300}`, properties: { ...ada, later: n } });
  })();
  const { status, stdout } = await rollcall(["backup", copy, "--store", `sqlite:${database}`]);
  over = true;
  await writing;
  await server.stop();
  expect({ status, stdout }).toEqual({ status: 0, stdout: `300 users are in ${copy}\n` });
  expect(readdirSync(directory).filter((name) => name.startsWith("copy"))).toEqual(["copy.db"]);

  const restored = await startTestServer({ store: `sqlite:${copy}` });
  const { user } = await createRollcallClient(restored.url).getUser({ id: "user 299" });
  expect(user?.properties).toMatchObject({ ...ada, n: 299 });
  await restored.stop();
});

test.each([
  ["a file that is there", () => writeFileSync(copy, "something"), /copy\.db is there already/],
  ["a store that is not there", () => rmSync(database), /there is no database/],
  [
    "a pipe",
    () => {
      rmSync(database);
      makePipe(database);
    },
    /is not a file/,
  ],
  ["a database of something else", () => writeFileSync(database, ""), /is not ours/],
])("%s is left as it is", async (_, prepare, message) => {
  await (await startTestServer({ store: `sqlite:${database}` })).stop();
  prepare();
  await expect(backUpDatabase(database, copy)).rejects.toThrow(message);
  expect(unfinished()).toEqual([]);
});

test("of two backups to one file at once, one is made and the other says that the file is there", async () => {
  await (await startTestServer({ store: `sqlite:${database}` })).stop();
  writeFileSync(`${copy}.unfinished`, "left behind");
  const results = await Promise.allSettled([backUpDatabase(database, copy), backUpDatabase(database, copy)]);
  expect(results.filter(({ status }) => status === "fulfilled")).toEqual([{ status: "fulfilled", value: 0 }]);
  const [refused] = results.filter(({ status }) => status === "rejected");
  expect(refused).toMatchObject({ reason: { message: `${copy} is there already` } });
  expect(unfinished()).toEqual(["copy.db.unfinished"]);
});

test("a backup is for its owner alone", async () => {
  await (await startTestServer({ store: `sqlite:${database}` })).stop();
  await backUpDatabase(database, copy);
  expect(statSync(copy).mode & 0o777).toBe(0o600);
});

test("a backup that is stopped while it copies leaves no file behind", async () => {
  await (await startTestServer({ store: `sqlite:${database}` })).stop();
  const filled = new DatabaseSync(database);
  // So much that it takes long to copy.
  filled.exec(`CREATE TABLE filling AS WITH RECURSIVE row(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM row WHERE n < 300)
    SELECT zeroblob(1000000) FROM row`);
  filled.close();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    const backup = startRollcall(["backup", copy, "--store", `sqlite:${database}`]);
    const closed = once(backup, "close");
    await until(() => unfinished().some((name) => statSync(join(directory, name)).size > 0));
    backup.kill(signal);
    expect(await closed).toEqual([null, signal]);
    expect(readdirSync(directory).filter((name) => name.startsWith("copy"))).toEqual([]);
  }
});

test("a store in Redis says how it is backed up", async () => {
  const { status, stderr } = await rollcall(["backup", copy, "--store", "redis://127.0.0.1:1"]);
  expect(status).toBe(1);
  expect(stderr).toMatch(/RDB and AOF/);
});
