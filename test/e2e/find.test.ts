/** `rollcall find` and `count`, and `rollcall indexes` beside a server. */
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { createRollcallClient, importUsers } from "../../src/client/index.ts";
import { parseIndexedProperties } from "../../src/users/indexes/indexed-property.ts";
import { rollcall } from "../support/processes.ts";
import { ada, startTestServer, type TestServer } from "../support/server.ts";
import { openStoredConfigurations, type StoredConfigurations } from "../support/stored-configurations.ts";
import { until } from "../support/until.ts";

const many = 1_200;
/** The work on indexes begins some seconds after a change, and takes longer on a busy machine. */
const workMs = 30_000;

let stored: StoredConfigurations;
let server: TestServer;
beforeAll(async () => {
  stored = await openStoredConfigurations.SQLite();
  const indexes = parseIndexedProperties("email:fold,code,group");
  server = await startTestServer({ store: stored.url, indexes });
  const users = [
    { id: "b", properties: { ...ada, code: 7, active: true } },
    { id: "a", properties: { ...ada, email: "ADA@Example.com", code: "7", tags: ["x"] } },
    { id: "c", properties: { name: "Bo", email: "bo@example.com", code: "", active: "true" } },
    ...Array.from({ length: many }, (_, n) => ({
      id: `m${String(n).padStart(4, "0")}`,
      properties: { name: "Many", email: `many${n}@example.com`, group: "many" },
    })),
  ];
  await importUsers(createRollcallClient(server.url), users, { onRefused: ({ id }) => expect.fail(id) });
  await until(async () => (await server.metric('rollcall_indexes{rollcall_state="ready"}')) === 3, workMs);
}, 60_000);
afterAll(async () => {
  await server.stop();
  await stored.close();
});

const call = (...args: string[]) => rollcall(args, { ROLLCALL_SERVER: server.url });

async function found(...args: string[]): Promise<string[]> {
  const { status, stdout, stderr } = await call("find", ...args);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line).id]));
}

describe("find", () => {
  test("prints all users with a value, a line for each, folded where the index folds", async () => {
    expect(await found("email=ada@EXAMPLE.com")).toEqual(["a", "b"]);
    const { stdout } = await call("find", "email=bo@example.com", "--only", "name");
    expect(JSON.parse(stdout)).toMatchObject({ id: "c", properties: { name: "Bo" } });
  });

  test("reads a value as JSON where it is JSON, unless text is asked for", async () => {
    expect(await found("code=7")).toEqual(["b"]);
    expect(await found('code="7"')).toEqual(["a"]);
    expect(await found("code=7", "--text")).toEqual(["a"]);
    expect(await found("code=")).toEqual(["c"]);
  });

  test("finds the beginnings of values, and any value", async () => {
    expect(await found("email^=AD")).toEqual(["b", "a"].toSorted());
    // A number first, then texts in their order.
    expect(await found("code")).toEqual(["b", "c", "a"]);
  });

  test("prints as many as are asked for, and says that there may be more", async () => {
    const usual = await call("find", "group=many");
    expect(usual.stdout.match(/\n/g)).toHaveLength(100);
    expect(usual).toMatchObject({
      status: 0,
      stderr: expect.stringContaining("there may be more users: --limit or --all"),
    });
    const some = await call("find", "group=many", "--limit", "1100");
    expect(some.stdout.match(/\n/g)).toHaveLength(1_100);
    expect(await found("group=many", "--limit", String(many))).toHaveLength(many);
    expect(await found("group=many", "--all")).toHaveLength(many);
    const both = await call("find", "group=many", "--all", "--limit", "5");
    expect(both).toMatchObject({ status: 1, stderr: expect.stringContaining("cannot be used with") });
  });

  test.each([
    [["email=nobody@example.com"], "no user has this value in email"],
    [["code=8"], "no user has this value in code; it was read as a number, and --text reads it as text"],
    [["code=true"], "no user has this value in code; it was read as a bool, and --text reads it as text"],
    [["email^=zz"], "no user has a value in email that begins so"],
  ])("%j says that nobody is found, and ends with status 1", async (args, sentence) => {
    expect(await call("find", ...args)).toEqual({ status: 1, stdout: "", stderr: `rollcall: ${sentence}\n` });
  });

  test("says which properties are indexed, and what does without", async () => {
    const { status, stdout, stderr } = await call("find", "name=Ada");
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toContain("FAILED_PRECONDITION PROPERTY_NOT_INDEXED");
    expect(stderr).toContain("(indexed: email, code, group); rollcall list --where finds the same users");
  });

  test.each(["code=null", 'code=["7"]', "code={}"])("%s is in no index", async (condition) => {
    const { status, stderr } = await call("find", condition);
    expect(status).toBe(1);
    expect(stderr).toContain("no index holds null, lists or objects; rollcall list --where compares them");
  });

  test("refuses beginnings of one character, and text that is too long", async () => {
    const short = await call("find", "email^=a");
    expect(short).toMatchObject({ status: 1, stderr: expect.stringContaining("is shorter than 2 characters") });
    const long = await call("find", `email=${"a".repeat(257)}`);
    expect(long).toMatchObject({ status: 1, stderr: expect.stringContaining("takes more than 256 bytes") });
  });
});

describe("count", () => {
  test.each([
    [[], many + 3],
    [["email=ada@example.com"], 2],
    [["email^=many"], many],
    [["code"], 3],
    [["code=7", "--text"], 1],
    [["code=8"], 0],
  ])("%j asks an index, or counts all users", async (args, expected) => {
    expect(await call("count", ...args)).toEqual({ status: 0, stdout: `${expected}\n`, stderr: "" });
  });

  test.each([
    ["active=true", 1, "active has no index"],
    ["name=Many", many, "name has no index"],
    ['tags=["x"]', 1, "no index holds such values"],
    ['code=["7"]', 0, "no index holds such values"],
  ])("%s reads all users, and says so", async (condition, expected, why) => {
    const { status, stdout, stderr } = await call("count", condition);
    expect({ status, stdout }).toEqual({ status: 0, stdout: `${expected}\n` });
    expect(stderr).toMatch(new RegExp(`^${why}: reading all ${many + 3} users(, which may take \\d+ s)?\n$`));
  });

  test.each(["name", "name^=Ma"])("%s needs an index", async (condition) => {
    const { status, stderr } = await call("count", condition);
    expect(status).toBe(1);
    expect(stderr).toContain("PROPERTY_NOT_INDEXED");
  });
});

test("an index that is being built cannot be used yet, and list shows how far it is", async () => {
  const own = await openStoredConfigurations.SQLite();
  onTestFinished(() => own.close());
  const running = await startTestServer({ store: own.url, indexes: parseIndexedProperties("email") });
  onTestFinished(() => running.stop());
  await createRollcallClient(running.url).identify({ id: "u", properties: ada });
  await until(async () => (await running.metric('rollcall_indexes{rollcall_state="ready"}')) === 1, workMs);
  // Nobody works on it: all users are said to be done.
  const [form] = await own.read();
  const [index] = [form?.configuration["indexes"]].flat();
  await own.write({
    stamp: `${form?.stamp}.`,
    configuration: {
      ...form?.configuration,
      generation: Number(form?.configuration["generation"]) + 1,
      indexes: [{ ...Object(index), state: "building" }],
    },
  });
  await until(async () => (await running.metric('rollcall_indexes{rollcall_state="building"}')) === 1);
  const { status, stderr } = await rollcall(["find", "email=ada@example.com"], { ROLLCALL_SERVER: running.url });
  expect(status).toBe(1);
  expect(stderr).toContain("FAILED_PRECONDITION INDEX_NOT_READY: the index is being built: 1 of 1 users are done");
  expect(stderr).toContain("until they are, rollcall list --where finds the same users");
  const listed = await rollcall(["indexes", "list", "--store", own.url]);
  expect(JSON.parse(listed.stdout)).toMatchObject({
    indexes: [{ property: "email", state: "building", users_done: 1, users_total: 1 }],
  });
}, 60_000);

describe.each(["SQLite", "Redis", "Redis Cluster"] as const)("a server over %s", (name) => {
  test("builds new indexes, and empties dropped ones, while users are found", async () => {
    const own = await openStoredConfigurations[name]();
    onTestFinished(() => own.close());
    const running = await startTestServer({ store: own.url });
    onTestFinished(() => running.stop());
    const find = (condition: string) => rollcall(["find", condition], { ROLLCALL_SERVER: running.url });
    const list = async () => {
      const { stdout } = await rollcall(["indexes", "list", "--store", own.url]);
      return JSON.parse(stdout).indexes;
    };
    await createRollcallClient(running.url).identify({ id: "u", properties: { ...ada, plan: "pro" } });
    expect((await rollcall(["indexes", "set", "email:fold,plan", "--store", own.url])).status).toBe(0);
    const ready = (property: string, folded: boolean, number: number) => ({ property, folded, number, state: "ready" });
    await until(async () => (await list()).every(({ state }: { state: string }) => state === "ready"), workMs);
    expect(await list()).toEqual([ready("email", true, 1), ready("plan", false, 2)]);
    await until(async () => (await find("email=ADA@example.com")).status === 0);
    expect(JSON.parse((await find("plan=pro")).stdout)).toMatchObject({ id: "u" });

    expect((await rollcall(["indexes", "drop", "email", "--store", own.url])).status).toBe(0);
    await until(async () => (await find("email=ada@example.com")).stderr.includes("PROPERTY_NOT_INDEXED"));
    expect((await find("plan=pro")).status).toBe(0);
    await until(async () => (await list()).length === 1, workMs);
    expect(await list()).toEqual([ready("plan", false, 2)]);
  }, 90_000);
});
