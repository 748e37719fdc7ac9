/** `serve --indexes`: which stores get the indexes, and what a server says of those that have others. */
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { parseIndexedProperties } from "../../src/users/indexes/indexed-property.ts";
import { temporaryFolder } from "../support/files.ts";
import { redisWith } from "../support/for-one-test.ts";
import { rollcall, serve } from "../support/processes.ts";
import { startTestServer } from "../support/server.ts";
import { openStoredConfigurations, type StoredConfigurations } from "../support/stored-configurations.ts";
import { until } from "../support/until.ts";
import { useStore } from "../support/use-store.ts";

async function startWith(store: string, indexes: string) {
  const server = await startTestServer({ store, indexes: parseIndexedProperties(indexes) });
  onTestFinished(() => server.stop());
  return server;
}

const indexesOf = async (stored: StoredConfigurations) => {
  const forms = await stored.read();
  const [first, ...others] = forms.map((form) => JSON.stringify(form?.configuration["indexes"] ?? []));
  for (const other of others) expect(other).toBe(first);
  return JSON.parse(first ?? "[]").map(({ property }: { property: string }) => property);
};

describe.each(["SQLite", "Redis", "Redis Cluster"] as const)("a store in %s", (name) => {
  const open = async () => {
    const stored = await openStoredConfigurations[name]();
    onTestFinished(() => stored.close());
    return stored;
  };

  test("that is new gets the indexes at the start, and servers that name others only compare", async () => {
    const stored = await open();
    const first = await startWith(stored.url, "email:fold,phone");
    expect(await indexesOf(stored)).toEqual(["email", "phone"]);
    await until(async () => (await first.metric("rollcall_indexes_drift")) === 0);
    await first.drain();

    const second = await startWith(stored.url, "email,phone,plan");
    expect(await indexesOf(stored)).toEqual(["email", "phone"]);
    // email in two forms, and plan.
    expect(await second.metric("rollcall_indexes_drift")).toBe(3);
    const told = expect.objectContaining({ level: 40, missing: "email,plan", unexpected: "email:fold" });
    expect(second.logs).toContainEqual(told);
    // The server follows a change by somebody else.
    const { status } = await rollcall(["indexes", "set", "plan,email,phone", "--store", stored.url]);
    expect(status).toBe(0);
    await until(async () => (await second.metric("rollcall_indexes_drift")) === 0);
    await until(() => second.logs.some(({ msg }) => msg === "the store has the indexes that --indexes names"));
  });

  test("that version 0.1 may have made keeps the server from starting, with the command to run", async () => {
    const stored = await open();
    await useStore(stored.url, "u");
    const [form] = await stored.read();
    await stored.write({ stamp: `${form?.stamp}.`, configuration: { ...form?.configuration, madeBy: "0.1" } });
    const before = await stored.read();
    const args = ["serve", "--listen", "127.0.0.1:0", "--store", stored.url, "--log-level", "silent"];
    const { status, stderr } = await rollcall([...args, "--indexes", "email:fold,phone"]);
    expect(status).toBe(1);
    expect(stderr).toContain("version 0.1 may have made this store");
    expect(stderr).toContain("rollcall indexes set email:fold,phone --all-servers-are 0.2");
    expect(await stored.read()).toEqual(before);

    await rollcall(["indexes", "set", "phone", "--all-servers-are", "0.2", "--store", stored.url]);
    const server = await startWith(stored.url, "email:fold,phone");
    expect(await indexesOf(stored)).toEqual(["phone"]);
    expect(await server.metric("rollcall_indexes_drift")).toBe(1);
  });
});

test("of several workers, one sets the indexes", async () => {
  const stored = await openStoredConfigurations.Redis();
  onTestFinished(() => stored.close());
  let log = "";
  const args = ["--workers", "2", "--indexes", "email:fold", "--log-level", "info"];
  const server = await serve(stored.url, args, (piece) => (log += piece));
  expect(await indexesOf(stored)).toEqual(["email"]);
  expect(await server.stop()).toBe(0);
  expect(log.match(/the store gets indexes/g)).toHaveLength(1);
});

test("a store that is away at the start gets the indexes once it is there", async () => {
  const redis = await redisWith();
  redis.kill("SIGSTOP");
  const server = await startWith(redis.url, "email");
  expect(await server.metric("rollcall_indexes_drift")).toBe(0);
  redis.kill("SIGCONT");
  await until(() => server.logs.some(({ msg }) => msg === "the store gets indexes"));
});

test("the indexes of a store are counted by their state, and the work on them by what it is for", async () => {
  const url = `sqlite:${join(temporaryFolder(), "users.db")}`;
  await useStore(url, "u");
  const server = await startWith(url, "email,phone");
  const counted = async (state: string) => server.metric(`rollcall_indexes{rollcall_state="${state}"}`);
  // The work begins some seconds after a change.
  await until(async () => (await counted("ready")) === 2, 30_000);
  expect([await counted("building"), await counted("dropping")]).toEqual([0, 0]);
  expect(await server.metric('rollcall_sweep_items_total{rollcall_work="seal"}')).toBe(1);
  expect(await server.metric('rollcall_sweep_items_total{rollcall_work="tombstones"}')).toBe(0);
}, 60_000);

test.each([
  ["email:lower", "It has email:lower, which is neither NAME nor NAME:fold"],
  ["email,email", "It names the property email twice."],
])("--indexes %s is refused", async (list, reason) => {
  const { status, stderr } = await rollcall(["serve", "--indexes", list]);
  expect(status).toBe(1);
  expect(stderr).toContain("'--indexes <properties>'");
  expect(stderr).toContain(reason);
});
