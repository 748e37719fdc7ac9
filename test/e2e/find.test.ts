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

  const notIndexed = [
    "rollcall: FAILED_PRECONDITION PROPERTY_NOT_INDEXED: the property of the match has no index (indexed: email, code, group)",
  ];
  const toIndexName =
    "  To index it: rollcall indexes set email:fold,code,group,name (or name:fold, which ignores case).";

  test("says which properties are indexed, what finds the same users, and how to index another", async () => {
    const scan = "  rollcall list --where name=… finds the same users by reading all of them.";
    const stderr = [...notIndexed, scan, toIndexName, ""].join("\n");
    expect(await call("find", "name=Ada")).toEqual({ status: 1, stdout: "", stderr });
  });

  test.each(["name^=Ad", "name"])("does not say that a scan finds %s, which is no whole value", async (condition) => {
    const stderr = [...notIndexed, toIndexName, ""].join("\n");
    expect(await call("find", condition)).toEqual({ status: 1, stdout: "", stderr });
  });

  test.each(["a:b", "a:fold", "a,b"])("does not say how to index %s, whose name no index can have", async (name) => {
    const scan = `  rollcall list --where ${name}=… finds the same users by reading all of them.`;
    expect((await call("find", `${name}=1`)).stderr).toBe([...notIndexed, scan, ""].join("\n"));
  });

  test("says how to index a property whose name has a space", async () => {
    const { stderr } = await call("find", "a b=1");
    expect(stderr).toContain("set 'email:fold,code,group,a b' (or 'a b:fold', which ignores case)");
  });

  test.each([
    [["--only", "name", "email=x"], "find needs a condition, as NAME=VALUE: --only takes all words behind it"],
    [[], "find needs a condition, as NAME=VALUE\n"],
    [["email=a", "code=7"], "find takes one condition; rollcall list takes several, each after --where"],
  ])("%j has not one condition", async (args, sentence) => {
    const { status, stderr } = await call("find", ...args);
    expect(status).toBe(1);
    expect(stderr).toContain(`rollcall: ${sentence}`);
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
    [["code=8", "--text"], 0],
  ])("%j asks an index, or counts all users", async (args, expected) => {
    expect(await call("count", ...args)).toEqual({ status: 0, stdout: `${expected}\n`, stderr: "" });
  });

  test.each([
    ["active=true", 1, "active has no index"],
    ["name=Many", many, "name has no index"],
    ['tags=["x"]', 1, "no index holds such values"],
  ])("%s reads all users, and says so", async (condition, expected, why) => {
    const { status, stdout, stderr } = await call("count", condition);
    expect({ status, stdout }).toEqual({ status: 0, stdout: `${expected}\n` });
    expect(stderr).toMatch(new RegExp(`^${why}: reading all ${many + 3} users(, which may take \\d+ s)?\n$`));
  });

  test.each(["code", "email"])("text of %s that is too long for an index is looked for in all users", async (name) => {
    const { status, stdout, stderr } = await call("count", `${name}=${"a".repeat(257)}`);
    expect({ status, stdout }).toEqual({ status: 0, stdout: "0\n" });
    expect(stderr).toContain(`no index holds such values: reading all ${many + 3} users`);
  });

  test.each([
    ["code=8", "the value was read as a number, and --text reads it as text"],
    ["phone=44001", "the value was read as a number, and --text reads it as text"],
    ['code=["7"]', "the value was read as a list, and --text reads it as text"],
    ["code={}", "the value was read as an object, and --text reads it as text"],
    ["code=null", "the value was read as null, and --text reads it as text"],
  ])("%s counts nobody, and says how the value was read", async (condition, hint) => {
    const { status, stdout, stderr } = await call("count", condition);
    expect({ status, stdout }).toEqual({ status: 0, stdout: "0\n" });
    expect(stderr.split("\n").slice(-2)).toEqual([hint, ""]);
  });

  test.each(["name", "name^=Ma"])("%s needs an index", async (condition) => {
    const { status, stderr } = await call("count", condition);
    expect(status).toBe(1);
    expect(stderr).toContain("PROPERTY_NOT_INDEXED");
    expect(stderr).toContain("To index it: rollcall indexes set email:fold,code,group,name");
    expect(stderr).not.toContain("list --where");
  });
});

describe("while indexes are being built", () => {
  let own: StoredConfigurations;
  let running: TestServer;
  beforeAll(async () => {
    own = await openStoredConfigurations.SQLite();
    running = await startTestServer({ store: own.url, indexes: parseIndexedProperties("code,email:fold") });
    await createRollcallClient(running.url).identify({ id: "u", properties: { ...ada, code: "x" } });
    await until(async () => (await running.metric('rollcall_indexes{rollcall_state="ready"}')) === 2, workMs);
    // Nobody works on them: all users are said to be done.
    const [form] = await own.read();
    const indexes = [form?.configuration["indexes"]].flat();
    await own.write({
      stamp: `${form?.stamp}.`,
      configuration: {
        ...form?.configuration,
        generation: Number(form?.configuration["generation"]) + 1,
        indexes: indexes.map((index) => ({ ...Object(index), state: "building" })),
      },
    });
    await until(async () => (await running.metric('rollcall_indexes{rollcall_state="building"}')) === 2);
  }, 60_000);
  afterAll(async () => {
    await running.stop();
    await own.close();
  });

  const ask = (...args: string[]) => rollcall(args, { ROLLCALL_SERVER: running.url });
  const notReady = "rollcall: FAILED_PRECONDITION INDEX_NOT_READY: the index is being built: 1 of 1 users are done";
  const later = "  rollcall indexes list shows how far the index is.";
  const sameUsers = (name: string) => `  rollcall list --where ${name}=… finds the same users by reading all of them.`;

  test.each([
    ["find", "code=x", [sameUsers("code")]],
    // Only text is folded.
    ["find", "email=7", [sameUsers("email")]],
    [
      ...["find", "email=ADA@example.com"],
      ["  rollcall list --where email=… finds only users with exactly this text: it does not ignore case."],
    ],
    ["find", "email^=ad", []],
    ["find", "code", []],
    [
      ...["count", "email=ADA@example.com"],
      ["  Until the index is ready, this count fails: reading all users does not ignore case."],
    ],
    ["count", "code^=xx", []],
  ] as const)("%s %s fails, and says what a scan finds", async (command, condition, advice) => {
    const stderr = [notReady, ...advice, later, ""].join("\n");
    expect(await ask(command, condition)).toEqual({ status: 1, stdout: "", stderr });
  });

  test.each([
    ["code=x", 1, "the index of code is being built: reading all 1 users\n"],
    ["email=false", 0, "the index of email is being built: reading all 1 users\n"],
  ])("count %s reads all users, and says so", async (condition, expected, said) => {
    const { status, stdout, stderr } = await ask("count", condition);
    expect({ status, stdout }).toEqual({ status: 0, stdout: `${expected}\n` });
    expect(stderr.startsWith(said)).toBe(true);
  });

  test("rollcall indexes list shows how far they are", async () => {
    const listed = await rollcall(["indexes", "list", "--store", own.url]);
    const building = { state: "building", users_done: 1, users_total: 1 };
    expect(JSON.parse(listed.stdout)).toMatchObject({
      indexes: [
        { property: "code", ...building },
        { property: "email", ...building },
      ],
    });
  });
});

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
