/** The files of an SQLite store: what becomes of those that are removed while they are open, and what is nobody's to replace. */
import {
  copyFileSync,
  existsSync,
  lstatSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { Code } from "@connectrpc/connect";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { createRollcallClient, rollcallErrorOf } from "../../src/client/index.ts";
import type { StoreAdapter } from "../../src/store/adapter.ts";
import type { ReserveNotice } from "../../src/store/sqlite/messages.ts";
import { defaultReserveBytes } from "../../src/store/sqlite/reserve.ts";
import { openSqliteStore, type SqliteStoreOptions } from "../../src/store/sqlite/sqlite-store.ts";
import { command, userId } from "../support/commands.ts";
import { temporaryFolder } from "../support/files.ts";
import { ada, startTestServer } from "../support/server.ts";
import { makePipe } from "../support/special-files.ts";
import { until } from "../support/until.ts";

let path: string;
beforeEach(() => {
  path = join(temporaryFolder(), "users.db");
});

async function opened(options: SqliteStoreOptions = {}): Promise<StoreAdapter> {
  const store = await openSqliteStore(path, options);
  onTestFinished(() => store.close());
  return store;
}

const gone = (file: string) => ({
  reason: "STORE_UNAVAILABLE",
  cause: { message: expect.stringContaining(`${file} has been removed or replaced`) },
});

describe("a file that is removed while it is open", () => {
  const removals: readonly (readonly [string, (file: string) => void])[] = [
    ["removed", (file) => rmSync(file)],
    [
      "replaced by a copy",
      (file) => {
        copyFileSync(file, `${file}.copy`);
        renameSync(`${file}.copy`, file);
      },
    ],
    [
      "replaced by a link to nothing",
      (file) => {
        rmSync(file);
        symlinkSync("nowhere", file);
      },
    ],
  ];

  test.each(["", "-wal"].flatMap((end) => removals.map(([how, remove]) => [`users.db${end}`, how, remove] as const)))(
    "%s, %s: nothing is answered any more",
    async (name, _, remove) => {
      const store = await opened();
      const file = `${path}${name.slice("users.db".length)}`;
      await store.write([command("u", { n: 1 })]);
      remove(file);
      await until(() => expect(store.write([command("u", { n: 2 })])).rejects.toMatchObject(gone(file)));
      await expect(store.get([userId("u")])).rejects.toMatchObject(gone(file));
      await expect(store.list(undefined, 1)).rejects.toMatchObject(gone(file));
      await expect(store.check()).rejects.toMatchObject(gone(file));
    },
  );

  test("is found by the check, too, and all goes on once it is back", async () => {
    const store = await opened();
    await store.write([command("u", { n: 1 })]);
    renameSync(path, `${path}.away`);
    await expect(store.check()).rejects.toMatchObject(gone(path));
    await expect(store.write([command("u", { n: 2 })])).rejects.toMatchObject(gone(path));
    renameSync(`${path}.away`, path);
    expect(await store.write([command("u", { n: 3 })])).toMatchObject([{ outcome: "updated" }]);
    await store.check();
  });

  test("and is the log: a stop brings it into the database", async () => {
    const store = await openSqliteStore(path);
    await store.write([command("u", { n: 1 })]);
    rmSync(`${path}-wal`);
    await expect(store.check()).rejects.toMatchObject(gone(`${path}-wal`));
    await store.close();
    expect(await (await opened()).get([userId("u")])).toMatchObject([{ id: "u" }]);
  });

  test("is not made anew by a thread that follows another", async () => {
    const threads = new Set<Worker>();
    const post = Worker.prototype.postMessage;
    const spy = vi.spyOn(Worker.prototype, "postMessage").mockImplementation(function (this: Worker, ...args) {
      threads.add(this);
      post.apply(this, args);
    });
    const store = await opened();
    await store.write([command("u", { n: 1 })]);
    spy.mockRestore();
    renameSync(path, `${path}.away`);
    for (const thread of threads) await thread.terminate();
    await until(() => expect(store.check()).rejects.toMatchObject(gone(path)));
    expect(existsSync(path)).toBe(false);
    renameSync(`${path}.away`, path);
    expect(await until(() => store.write([command("u", { n: 3 })]))).toMatchObject([{ outcome: "updated" }]);
  });

  test("turns a server NOT_SERVING, with the reason in its log and its metrics", async () => {
    const server = await startTestServer({ store: `sqlite:${path}` });
    onTestFinished(() => server.stop());
    const users = createRollcallClient({ server: server.url, retries: false });
    await users.identify({ id: "u", properties: ada });
    const isReady = async (status: string) => {
      const answer = await fetch(`${server.url}/grpc.health.v1.Health/Check`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: "{}",
      });
      return (await answer.text()).includes(`"${status}"`);
    };
    renameSync(path, `${path}.away`);
    await until(() => isReady("NOT_SERVING"));
    const failure = rollcallErrorOf(await users.identify({ id: "u", properties: ada }).catch((error) => error));
    expect(failure).toMatchObject({ code: Code.Unavailable, reason: "STORE_UNAVAILABLE" });
    expect(server.logs).toContainEqual(
      expect.objectContaining({
        msg: "the store is not available; trying again",
        reason: expect.stringContaining(`${path} has been removed or replaced`),
      }),
    );
    expect(await server.metrics()).toMatch(
      /^db_client_operation_duration_count{.*db_operation_name="check",error_type="STORE_UNAVAILABLE"} [1-9]/m,
    );
    renameSync(`${path}.away`, path);
    await until(() => isReady("SERVING"));
  });
});

test("what is no file is no store, and stays", async () => {
  makePipe(path);
  await expect(openSqliteStore(path)).rejects.toThrow(`${path} is not a file`);
  expect(lstatSync(path).isFIFO()).toBe(true);
});

describe("the reserve", () => {
  const reserve = () => `${path}.reserve`;
  const noticed = () => {
    const notices: ReserveNotice[] = [];
    return { notices, onReserve: (notice: ReserveNotice) => void notices.push(notice) };
  };

  test("is for its owner alone, takes its room, and is made again when it is gone or is not whole", async () => {
    const { notices, onReserve } = noticed();
    const store = await opened({ onReserve });
    await until(() => notices.length === 1);
    const isThere = () => {
      const { size, blocks, mode } = statSync(reserve());
      expect({ size, mode: mode & 0o777 }).toEqual({ size: defaultReserveBytes, mode: 0o600 });
      expect(blocks * 512).toBeGreaterThanOrEqual(size);
    };
    isThere();
    rmSync(reserve());
    await store.check();
    isThere();
    writeFileSync(reserve(), readFileSync(reserve()).subarray(0, 100_000));
    await store.check();
    isThere();
    expect(notices).toEqual([{ reserve: "kept", reason: undefined }]);
  });

  test.each<readonly [string, () => void]>([
    ["another file", () => writeFileSync(reserve(), "somebody's")],
    ["a pipe", () => makePipe(reserve())],
    ["a symbolic link", () => symlinkSync("somewhere", reserve())],
  ])("does not take the place of %s: users are written without it", async (_, make) => {
    make();
    const before = lstatSync(reserve(), { bigint: true }).ino;
    const { notices, onReserve } = noticed();
    const store = await opened({ onReserve });
    await store.write([command("u", { n: 1 })]);
    await store.check();
    expect(notices).toEqual([{ reserve: "unavailable", reason: `${reserve()} is something else` }]);
    expect(lstatSync(reserve(), { bigint: true }).ino).toBe(before);
  });

  test("is told by a metric, and in the log where there is none", async () => {
    const server = await startTestServer({ store: `sqlite:${path}` });
    onTestFinished(() => server.stop());
    const sample = async (value: number) => (await server.metric("rollcall_store_reserve")) === value;
    await until(() => sample(defaultReserveBytes));
    rmSync(reserve());
    makePipe(reserve());
    await until(() => sample(0));
    const told = () =>
      server.logs.filter(({ msg }) => String(msg).includes("reserve")).map(({ level, msg }) => [level, msg]);
    expect(told()).toEqual([[40, "there is no reserve beside the database: on a full disk users cannot be deleted"]]);
    rmSync(reserve());
    await until(() => sample(defaultReserveBytes));
    expect(told()[1]).toEqual([30, "the reserve beside the database is there again"]);
  });
});
