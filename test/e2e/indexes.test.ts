/** `rollcall indexes`: what it shows and changes in a store, and when it changes nothing. */
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { limits } from "../../src/users/limits.ts";
import { rollcall } from "../support/processes.ts";
import { openStoredConfigurations, type StoredConfigurations } from "../support/stored-configurations.ts";
import { useStore } from "../support/use-store.ts";

let stored: StoredConfigurations;

async function indexes(...words: string[]) {
  const { status, stdout, stderr } = await rollcall(["indexes", ...words, "--store", stored.url]);
  return { status, answer: stdout === "" ? undefined : JSON.parse(stdout), stderr };
}

/** That of all partitions, which have the same one. */
async function configuration() {
  const [first, ...others] = await stored.read();
  for (const other of others) expect(other).toEqual(first);
  return first?.configuration;
}

/** Says that 0.1 may have made the store. */
async function makeEarlier(): Promise<void> {
  const [form] = await stored.read();
  await stored.write({ stamp: `${form?.stamp}.`, configuration: { ...form?.configuration, madeBy: "0.1" } });
}

const building = (property: string, number: number, folded = false) => ({
  property,
  folded,
  number,
  state: "building",
});

describe.each(["SQLite", "Redis", "Redis Cluster"] as const)("a store in %s", (name) => {
  beforeEach(async () => {
    stored = await openStoredConfigurations[name]();
    await useStore(stored.url, "u");
  });
  afterEach(() => stored.close());

  test("has its indexes set, changed and dropped, and a dry run changes nothing", async () => {
    expect(await indexes("list")).toMatchObject({ status: 0, answer: { generation: 0, indexes: [], deviations: [] } });
    const before = await stored.read();
    const both = [building("email", 1, true), building("phone", 2)];
    const set = { indexes: both, added: ["email:fold", "phone"], dropped: [], changed: true, generation: 1 };
    expect(await indexes("set", "email:fold,phone", "--dry-run")).toMatchObject({
      status: 0,
      answer: { ...set, dry_run: true },
    });
    expect(await stored.read()).toEqual(before);

    expect(await indexes("set", "email:fold,phone")).toMatchObject({ status: 0, answer: { ...set, dry_run: false } });
    expect(await configuration()).toMatchObject({ generation: 1, features: 2, indexes: both, nextIndex: 3 });
    const again = await indexes("set", "email:fold", "phone");
    expect(again).toMatchObject({ status: 0, answer: { changed: false, added: [], dropped: [], generation: 1 } });

    // An index that folds and one that does not are two.
    const dropping = { ...building("email", 1, true), state: "dropping" };
    const exact = { added: ["email"], dropped: ["email:fold"], changed: true, generation: 2 };
    expect(await indexes("set", "phone,email")).toMatchObject({ status: 0, answer: exact });
    expect((await configuration())?.["indexes"]).toEqual([building("phone", 2), building("email", 3), dropping]);

    const dropped = { added: [], dropped: ["phone"], changed: true, generation: 3 };
    expect(await indexes("drop", "phone")).toMatchObject({ status: 0, answer: dropped });
    const left = [building("email", 3), { ...building("phone", 2), state: "dropping" }, dropping];
    expect((await indexes("list")).answer).toMatchObject({ generation: 3, indexes: left });
    const shown = await rollcall(["config", "show", "--store", stored.url]);
    expect(JSON.parse(shown.stdout)).toMatchObject({
      indexes: left,
      features: [{}, { name: "indexes", enabled: true }],
    });
    // It may have reached some partitions only, and is repeated to complete it.
    expect(await indexes("drop", "phone")).toMatchObject({ status: 0, answer: { changed: false } });
  });

  test.each(["that version 0.1 made", "without a configuration, which has users"])(
    "%s gets a new index only once all servers are known to be 0.2",
    async (which) => {
      if (which.startsWith("without")) await stored.remove();
      else await makeEarlier();
      const before = await stored.read().catch(() => undefined);
      for (const more of [[], ["--dry-run"]]) {
        const { status, answer, stderr } = await indexes("set", "email", ...more);
        expect({ status, answer }).toEqual({ status: 1, answer: undefined });
        expect(stderr).toContain("version 0.1 may have made this store");
        expect(stderr).toContain("--all-servers-are 0.2");
      }
      expect(await stored.read().catch(() => undefined)).toEqual(before);
      expect(await indexes("set", "email", "--all-servers-are", "0.2")).toMatchObject({ status: 0 });
      expect(await configuration()).toMatchObject({ madeBy: "0.1", indexes: [building("email", 1)] });
      expect((await indexes("set", "email,phone")).status).toBe(1);
      expect((await indexes("drop", "email")).status).toBe(0);
    },
  );
});

describe("a list of properties", () => {
  beforeEach(async () => {
    stored = await openStoredConfigurations.SQLite();
    await useStore(stored.url);
  });
  afterEach(() => stored.close());

  const named = (count: number) => Array.from({ length: count }, (_, n) => `p${n}`).join(",");
  test.each([
    ["", "the list of properties is empty"],
    ["email,email:fold", "names the property email twice"],
    ["email:lower", "has email:lower, which is neither NAME nor NAME:fold"],
    ["email,,phone", "has an empty name"],
    ["n".repeat(limits.maxPropertyNameBytes + 1), "has a name of more than 128 bytes"],
    [named(limits.maxIndexes + 1), "names 9 properties; at most 8 can be indexed"],
  ])("%j is refused", async (list, reason) => {
    const before = await stored.read();
    const { status, answer, stderr } = await indexes("set", list);
    expect({ status, answer }).toEqual({ status: 1, answer: undefined });
    expect(stderr).toContain(reason);
    expect(await stored.read()).toEqual(before);
  });

  test("may have as many as can be indexed", async () => {
    expect(await indexes("set", named(limits.maxIndexes))).toMatchObject({ status: 0 });
    // Those that are being dropped do not count.
    expect(await indexes("set", named(limits.maxIndexes).replaceAll("p", "q"))).toMatchObject({ status: 0 });
  });

  test("to drop has only what is indexed", async () => {
    const none = await indexes("drop", "phone");
    expect(none).toMatchObject({ status: 1, stderr: expect.stringContaining("no index of phone: the store has none") });
    await indexes("set", "email:fold");
    const before = await stored.read();
    const other = await indexes("drop", "email", "phone");
    expect(other).toMatchObject({ status: 1, stderr: expect.stringContaining("phone: the store has email:fold") });
    expect(await stored.read()).toEqual(before);
    // With or without how it is folded.
    expect(await indexes("drop", "email")).toMatchObject({ status: 0, answer: { dropped: ["email:fold"] } });
  });
});

test("an empty store gets its configuration with its first index", async () => {
  stored = await openStoredConfigurations.Redis();
  onTestFinished(() => stored.close());
  expect(await indexes("list")).toMatchObject({ status: 0, answer: { generation: null, indexes: [] } });
  expect(await indexes("set", "email:fold")).toMatchObject({ status: 0, answer: { changed: true } });
  expect(await configuration()).toMatchObject({ generation: 1, indexes: [building("email", 1, true)] });
});
