/** The command line, as its users run it. */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { identify, Journal, journalPath, nothingDone } from "../../src/cli/import/journal.ts";
import { defaultCsvOptions } from "../../src/cli/import/rows/csv-columns.ts";
import { createRollcallClient } from "../../src/client/index.ts";
import { version } from "../../src/config/version.ts";
import { rollcall, rollcallAlone, type ServeProcess, serve, startRollcall } from "../support/processes.ts";

const sample = new URL("../../docs/users.sample.ndjson", import.meta.url).pathname;

let directory: string;
let server: ServeProcess;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "rollcall-cli-"));
  server = await serve(`sqlite:${join(directory, "users.db")}`);
});
afterAll(async () => {
  expect(await server.stop()).toBe(0);
  rmSync(directory, { recursive: true });
});

const call = (...args: string[]) => rollcall(args, { ROLLCALL_SERVER: server.url });

// The other tests run commands in a process that they share.
test.each([
  [[]],
  [["--version"]],
  [["get", "--help"]],
  [["get"]],
  [["get", "nobody"]],
  [["list", "--nothing"]],
  [["import", "none.ndjson"]],
  [["health"]],
  [["export"]],
])("%j prints and ends with the same in a process of its own", async (args) => {
  const env = { ROLLCALL_SERVER: server.url };
  expect(await rollcallAlone(args, env)).toEqual(await rollcall(args, env));
});

describe("help", () => {
  test("lists the commands", async () => {
    const { status, stdout } = await rollcall(["--help"]);
    expect(status).toBe(0);
    for (const command of [
      "serve",
      "identify",
      "get",
      "list",
      "find",
      "count",
      "set-preferences",
      "delete",
      "import",
      "export",
      "registry",
      "health",
    ]) {
      expect(stdout).toContain(`  ${command} `);
    }
  });

  test("of serve shows each option with its variable and default", async () => {
    const { stdout } = await rollcall(["serve", "--help"]);
    const text = stdout.replace(/\s+/g, " ");
    for (const [flag, variable, value] of [
      ["--listen", "ROLLCALL_LISTEN", "127.0.0.1:50051"],
      ["--store", "ROLLCALL_STORE", "sqlite:data/rollcall.db"],
      ["--required-properties", "ROLLCALL_REQUIRED_PROPERTIES", "name,email"],
      ["--drain-timeout", "ROLLCALL_DRAIN_TIMEOUT", "10"],
      ["--log-level", "ROLLCALL_LOG_LEVEL", `"info"`],
    ] as const) {
      expect(text).toMatch(new RegExp(`${flag} <.*default: ${value.replaceAll(".", "\\.")}, env: ${variable}\\)`));
    }
  });
});

describe("serve", () => {
  test("says first where it is, with which store, and a curl that works", async () => {
    expect(server.banner).toContain(`sqlite:${join(directory, "users.db")}`);
    const [, body = "", url = ""] = /curl --json '(.*)' (\S+)$/.exec(server.banner) ?? [];
    const answer = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
    expect(await answer.json()).toMatchObject({ outcome: "OUTCOME_CREATED" });
  });

  test("does not start with a bad value, and names the option", async () => {
    const flag = await rollcall(["serve", "--listen", "nowhere"]);
    expect(flag).toMatchObject({ status: 1, stdout: "", stderr: expect.stringContaining("'--listen <host:port>'") });
    const variable = await rollcall(["serve"], { ROLLCALL_DRAIN_TIMEOUT: "soon" });
    expect(variable).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("from env 'ROLLCALL_DRAIN_TIMEOUT'"),
    });
    const secret = await rollcall(["serve"], { ROLLCALL_STORE: "redis://ann:s3cret@h:x" });
    expect(secret).toMatchObject({ status: 1, stderr: expect.stringContaining("ROLLCALL_STORE") });
    expect(secret.stderr).not.toMatch(/ann|s3cret/);
    const unknown = await rollcall(["serve", "--nothing"]);
    expect(unknown).toMatchObject({ status: 1, stderr: expect.stringContaining("--nothing") });
  });

  test("opens the store that a variable names, with a line break at its end or without", async () => {
    const folder = mkdtempSync(join(directory, "variables-"));
    const ROLLCALL_STORE = `sqlite:${join(folder, "users.db")}\n`;
    const running = startRollcall(["serve", "--listen", "127.0.0.1:0", "--log-level", "error"], { ROLLCALL_STORE });
    if (running.stdout === null) throw new Error("the process has no output");
    await once(running.stdout, "data");
    running.kill("SIGTERM");
    expect(await once(running, "close")).toEqual([0, null]);
    expect(readdirSync(folder)).toEqual(["users.db", "users.db.reserve"]);
  });

  test("does not start with an empty variable for its store, and names it", async () => {
    const { status, stderr } = await rollcall(["serve", "--listen", "127.0.0.1:0"], { ROLLCALL_STORE: "" });
    expect(stderr).toMatch(/^rollcall: --store \(or ROLLCALL_STORE\) is invalid/);
    expect(status).toBe(1);
  });

  test("does not start with a store that cannot be opened, or on an address in use", async () => {
    const store = await rollcall(["serve", "--listen", "127.0.0.1:0", "--store", `sqlite:${directory}`]);
    expect(store).toMatchObject({
      status: 1,
      stderr: expect.stringContaining(`cannot open --store sqlite:${directory}`),
    });
    const address = new URL(server.url).host;
    const used = await rollcall(["serve", "--listen", address, "--store", `sqlite:${join(directory, "other.db")}`]);
    expect(used).toMatchObject({ status: 1, stderr: expect.stringContaining(`cannot listen on ${address}`) });
    for (const { stderr } of [store, used]) expect(stderr).not.toContain("    at ");
  });
});

describe("identify, get and health", () => {
  test("print JSON", async () => {
    const identified = await call("identify", "u1", "--properties", `{"name":"Ada","email":"a@b.c","n":1}`);
    expect(JSON.parse(identified.stdout)).toMatchObject({ user: { id: "u1", properties: { n: 1 } } });
    const all = await call("get", "u1");
    expect(JSON.parse(all.stdout)).toMatchObject({ user: { properties: { name: "Ada", email: "a@b.c", n: 1 } } });
    const some = await call("get", "u1", "--only", "n");
    expect(JSON.parse(some.stdout).user.properties).toEqual({ n: 1 });
    expect(await call("health")).toMatchObject({ status: 0, stdout: "SERVING\n" });
  });

  test.runIf(existsSync("/dev/full"))("say that their output has no room", async () => {
    const main = new URL("../../src/main.ts", import.meta.url).pathname;
    const full = openSync("/dev/full", "w");
    const { status, stderr } = spawnSync(process.execPath, [main, "list", "--server", server.url], {
      stdio: ["ignore", full, "pipe"],
      encoding: "utf8",
    });
    closeSync(full);
    expect(stderr).toMatch(/^rollcall: cannot write to standard output: ENOSPC.*\n$/);
    expect(status).toBe(1);
  });

  test("fail with one clear message", async () => {
    expect(await call("get", "nobody")).toEqual({
      status: 1,
      stdout: "",
      stderr: "rollcall: NOT_FOUND USER_NOT_FOUND: there is no user with this id\n",
    });
    const refused = await call("identify", "u2", "--properties", `{"name":""}`);
    expect(refused.stderr).toBe(
      "rollcall: INVALID_ARGUMENT REQUIRED_PROPERTY_MISSING\n  properties.name: is required: it must be a non-empty string\n",
    );
    const noJson = await call("identify", "u2", "--properties", "{");
    expect(noJson).toMatchObject({ status: 1, stderr: expect.stringMatching(/'--properties <json>'.*not JSON/) });
    for (const command of [["get", "u1"], ["health"], ["import", sample]]) {
      const away = await rollcall([...command, "--server", "http://127.0.0.1:1"]);
      expect(away).toMatchObject({ status: 1, stderr: expect.stringContaining("cannot reach http://127.0.0.1:1") });
      expect(away.stderr).not.toContain("    at ");
    }
  });
});

/** What a command printed; fails where it failed. */
async function printed(...args: string[]) {
  const { status, stdout, stderr } = await call(...args);
  expect(stderr).toBe("");
  expect(status).toBe(0);
  return JSON.parse(stdout);
}

describe("the whole contract", () => {
  const ada = JSON.stringify({ name: "Ada", email: "a@b.c" });
  const store = (...ids: string[]) => {
    const users = createRollcallClient(server.url);
    return Promise.all(ids.map((id) => users.identify({ id, properties: JSON.parse(ada) })));
  };

  test("set once, unset, preconditions, observed times and validation reach the server", async () => {
    const created = await printed("identify", "cli", "--properties", ada, "--set-once", '{"n":1}', "--if-missing");
    expect(created).toMatchObject({ outcome: "OUTCOME_CREATED", user: { properties: { n: 1 } } });
    const later = await printed("identify", "cli", "--set-once", '{"n":2,"m":1}', "--if-exists", "--validate-only");
    expect(later).toMatchObject({ outcome: "OUTCOME_UPDATED", ignored_properties: ["n"] });
    const unset = await printed("identify", "cli", "--unset", "n", "m", "--if-etag", created.user.etag);
    expect(unset.user.properties).toEqual(JSON.parse(ada));
    expect(await call("identify", "cli", "--if-etag", created.user.etag)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("ABORTED ETAG_MISMATCH"),
    });
    const at = (time: string, n: number) => ["--properties", JSON.stringify({ t: n }), "--observed-at", time];
    await printed("identify", "cli", ...at("2026-01-02T00:00:00.000002Z", 2));
    expect(await printed("identify", "cli", ...at("2026-01-02T00:00:00.000001Z", 1))).toMatchObject({
      outcome: "OUTCOME_UNCHANGED",
      ignored_properties: ["t"],
    });
  });

  test("preferences are replaced, or merged", async () => {
    await store("preferences");
    const set = (...more: string[]) => printed("set-preferences", "preferences", ...more);
    expect((await set("--preferences", '{"a":1}')).user.preferences).toEqual({ a: 1 });
    const merged = await set("--preferences", '{"b":2}', "--merge");
    expect(merged.user.preferences).toEqual({ a: 1, b: 2 });
    expect((await set("--preferences", "{}", "--if-etag", merged.user.etag)).user.preferences).toEqual({});
  });

  test("users are deleted", async () => {
    const [created] = await store("gone");
    expect(await call("delete", "gone", "--if-etag", "other")).toMatchObject({ status: 1 });
    const etag = created?.user?.etag ?? "";
    expect(await call("delete", "gone", "--if-etag", etag)).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(await call("delete", "gone")).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("NOT_FOUND USER_NOT_FOUND"),
    });
    expect(await call("delete", "gone", "--allow-missing")).toMatchObject({ status: 0 });
  });

  test("the registry is described", async () => {
    const described = { version: version(), required_properties: ["name", "email"] };
    expect(await printed("registry")).toMatchObject(described);
    expect(await call("registry", "u1")).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("too many arguments"),
    });
  });

  test("several users are read at once, and the missing ones named", async () => {
    await store("one", "two");
    const found = await printed("get", "two", "one", "two", "--only", "name");
    expect(found).toMatchObject({
      users: [
        { id: "two", properties: { name: "Ada" } },
        { id: "one", properties: { name: "Ada" } },
      ],
    });
    const { status, stdout } = await call("get", "one", "nobody");
    expect([status, JSON.parse(stdout).missing_ids]).toEqual([1, ["nobody"]]);
  });

  test("users are listed by the page, or all of them, one a line", async () => {
    const ids = Array.from({ length: 5 }, (_, n) => `listed ${n}`);
    await store(...ids);
    const first = await printed("list", "--page-size", "2");
    expect(first.users).toHaveLength(2);
    const second = await printed("list", "--page-size", "1", "--page-token", first.next_page_token);
    const { stdout } = await call("list", "--all", "--page-size", "2", "--only", "name");
    const all = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(all.slice(0, 3).map(({ id }) => id)).toEqual([...first.users, ...second.users].map(({ id }) => id));
    expect(all.filter(({ id }) => ids.includes(id)).map(({ id }) => id)).toEqual(ids);
    expect(all.every(({ properties }) => Object.keys(properties).join() === "name")).toBe(true);
  });

  test("JSON that cannot be sent is refused by the path of the value", async () => {
    const deep = `${"[".repeat(5_000)}${"]".repeat(5_000)}`;
    for (const [json, message] of [
      ['{"a":{"b":1e400}}', "properties.a.b: is not a finite number"],
      [`{"a":${deep}}`, "is nested deeper than 24 objects or lists"],
      [String.raw`{"a":["\ud800"]}`, "properties.a[0]: is not valid Unicode"],
    ] as const) {
      const { status, stderr } = await call("identify", "u", "--properties", json);
      expect([status, stderr]).toEqual([1, expect.stringContaining(message)]);
      expect(stderr.split("\n")[0]).toMatch(/^rollcall: INVALID_ARGUMENT [A-Z_]+$/);
    }
  });

  test("options for CSV are refused where the format is another", async () => {
    const file = join(directory, "not.csv.ndjson");
    writeFileSync(file, '{"id":"u"}');
    for (const [option, ...rest] of [
      ["--trim"],
      ["--no-trim"],
      ["--id-column", "id"],
      ["--map", "a=b"],
      ["--type", "a=json"],
      ["--empty", "skip"],
      ["--delimiter", ","],
    ] as const) {
      const { status, stderr } = await call("import", file, option, ...rest);
      expect([status, stderr]).toEqual([1, `rollcall: ${option} is for CSV, and the format is ndjson\n`]);
    }
    const segment = await call("import", file, "--format", "segment", "--trim");
    expect(segment.stderr).toBe("rollcall: --trim is for CSV, and the format is segment\n");
    for (const [option, ...rest] of [["--id-column", "id"], ["--cells", "plain"], ["--escape-formulas"]] as const) {
      const target = join(directory, "refused.ndjson");
      const { status, stderr } = await call("export", target, option, ...rest);
      expect([status, stderr]).toEqual([1, `rollcall: ${option} is for CSV, and the format is ndjson\n`]);
      expect(existsSync(target)).toBe(false);
    }
  });

  test("wrong arguments are refused by name", async () => {
    for (const [args, message] of [
      [["list", "--page-size", "0"], "'--page-size <users>'"],
      [["identify", "u", "--observed-at", "yesterday"], "'--observed-at <time>'"],
      [["identify", "u", "--observed-at", "2026-02-30T12:00:00Z"], "Expected a time, as in 2026-01-31T12:00:00Z."],
      [["identify", "u", "--if-exists", "--if-missing"], "cannot be used with"],
      [["set-preferences", "u", "--preferences", "[]"], "'--preferences <json>'"],
      [["set-preferences", "u"], "--preferences <json>"],
    ] as const) {
      expect(await call(...args)).toMatchObject({ status: 1, stdout: "", stderr: expect.stringContaining(message) });
    }
  });
});

/** The figures of an import's summary. */
function counts(summary: string): Record<string, number> {
  return Object.fromEntries([...summary.matchAll(/^(\w+) +(\d+)$/gm)].map(([, what, count]) => [what, Number(count)]));
}

describe("import", () => {
  test("stores every user, and changes nothing the second time", async () => {
    const first = await call("import", sample);
    expect(first).toMatchObject({ status: 0, stderr: "" });
    expect(counts(first.stdout)).toEqual({ users: 20, created: 20, updated: 0, unchanged: 0, failed: 0 });
    expect(counts((await call("import", sample)).stdout)).toEqual({
      users: 20,
      created: 0,
      updated: 0,
      unchanged: 20,
      failed: 0,
    });
    const { id, properties } = JSON.parse(readFileSync(sample, "utf8").split("\n")[7] ?? "");
    expect(JSON.parse((await call("get", id)).stdout).user.properties).toEqual(properties);
  });

  test("lists each line that fails, with number and reason, and goes on", async () => {
    const file = join(directory, "mixed.ndjson");
    const good = (id: string) => JSON.stringify({ id, properties: { name: "x", email: "y" } });
    const lines = [
      good("first"),
      "{",
      "",
      `{"properties":{"name":"secret"}}`,
      `{"id":"no email","properties":{"name":"secret"}}`,
      `{"id":"list","properties":[]}`,
      `{"id":"other","properties":{},"traits":{}}`,
      String.raw`{"id":"half","properties":{"name":"\ud800","email":"y"}}`,
      `{"id":"deep","properties":{"name":"x","email":"y","d":${"[".repeat(27)}${"]".repeat(27)}}}`,
      `{"id":"bottomless","properties":{"d":${"[".repeat(5_000)}${"]".repeat(5_000)}}}`,
      `{"id":"long","properties":{"t":"${"x".repeat(800_000)}"}}`,
      good("last"),
    ];
    writeFileSync(file, lines.join("\r\n"));
    const { status, stdout, stderr } = await call("import", file);
    expect(status).toBe(1);
    expect(counts(stdout)).toEqual({ users: 11, created: 2, updated: 0, unchanged: 0, failed: 9 });
    const rejected = `${file}.rejected.ndjson`;
    const listing = stderr.trim().split("\n");
    expect(stdout).toContain(`The 9 that failed are in ${rejected}.`);
    const listed = listing.sort((a, b) => Number(a.split(":")[1]) - Number(b.split(":")[1]));
    expect(listed.map((line) => line.slice(file.length + 1).replace(/(\[0\])+/, "[0]…"))).toEqual([
      "2: the line is not JSON",
      "4: id: is required, as text",
      "5: INVALID_ARGUMENT REQUIRED_PROPERTY_MISSING: properties.email: is required to create a user: it must be a non-empty string",
      "6: properties: is not a JSON object",
      `7: "traits": is not a field of a user: id, properties, set_once, unset and observed_at are`,
      "8: INVALID_ARGUMENT INVALID_PROPERTY: properties.name: is not valid Unicode",
      "9: INVALID_ARGUMENT LIMIT_EXCEEDED: properties.d[0]…: is nested deeper than 24 objects or lists",
      "10: INVALID_ARGUMENT LIMIT_EXCEEDED: properties.d[0]…: is nested deeper than 24 objects or lists",
      "11: the line has 800036 bytes; at most 716800 are read",
    ]);
    expect(stderr).not.toContain("secret");
    for (const id of ["first", "last"]) expect((await call("get", id)).status).toBe(0);

    const kept = readFileSync(rejected, "utf8").trim().split("\n");
    expect(kept).toHaveLength(9);
    writeFileSync(
      join(directory, "mended.ndjson"),
      kept
        .filter((line) => line.includes('"no email"'))
        .join("")
        .replace('"name"', '"email":"y","name"'),
    );
    expect(counts((await call("import", join(directory, "mended.ndjson"))).stdout)).toMatchObject({
      users: 1,
      created: 1,
    });
    expect(await call("import", file)).toMatchObject({ status: 1, stderr: expect.stringContaining("--rejected") });
  });

  test("keeps a rejected number as it was read, so that the row is refused until it is mended", async () => {
    const file = join(directory, "numbers.ndjson");
    const row = '{"id":"num1","properties":{"name":"x","email":"y","score":1e400,"big":12345678901234567890}}';
    writeFileSync(file, `${row}\n`);
    const rejected = `${file}.rejected.ndjson`;
    expect(await call("import", file)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("properties.score: is not a finite number"),
    });
    const kept = readFileSync(rejected, "utf8");
    expect(kept).toMatch(new RegExp(`^${row.slice(0, -1).replace("+", ".")},"rejected":{"line":1,.*}}\n$`));
    const again = await call("import", rejected);
    expect(again).toMatchObject({ status: 1, stderr: expect.stringContaining("properties.score: is not a finite") });
    expect(readFileSync(`${rejected}.rejected.ndjson`, "utf8")).toBe(kept);
    expect((await call("get", "num1")).status).toBe(1);
    const mended = join(directory, "mended-numbers.ndjson");
    writeFileSync(mended, kept.replace("1e400", "5"));
    expect((await call("import", mended)).status).toBe(0);
    expect(JSON.parse((await call("get", "num1")).stdout).user.properties.score).toBe(5);
  });

  test("of a file without users says so", async () => {
    for (const [name, text] of [
      ["empty.ndjson", ""],
      ["blank.ndjson", "\n \n"],
      ["header.csv", "id,name\r\n"],
    ] as const) {
      const file = join(directory, name);
      writeFileSync(file, text);
      const { status, stdout, stderr } = await call("import", file);
      expect([status, counts(stdout)["users"], stderr]).toEqual([0, 0, `${file} has no users: nothing was imported\n`]);
    }
  });

  test("of CSV drops spaces around cells where it is told to, or the header has some, and keeps them elsewhere", async () => {
    const file = join(directory, "spaces.csv");
    const importedName = async (text: string, ...options: string[]) => {
      writeFileSync(file, text);
      expect(await call("import", file, ...options)).toMatchObject({ status: 0, stderr: "" });
      return JSON.parse((await call("get", "sp1")).stdout).user.properties.name;
    };
    const spaced = "id, name, email\nsp1, Ada Example, a@b.c\n";
    const plain = spaced.replace(/^.*/, "id,name,email");
    expect(await importedName(spaced)).toBe("Ada Example");
    expect(await importedName(spaced, "--no-trim")).toBe(" Ada Example");
    expect(await importedName(plain, "--trim")).toBe("Ada Example");
    expect(await importedName(plain)).toBe(" Ada Example");
  });

  test("goes on where an earlier one was interrupted, and leaves no journal", async () => {
    const file = join(directory, "resumed.csv");
    writeFileSync(file, "id,name,email\nresumed 1,A,a\nresumed 2,B,b\nresumed 3,C,c\n");
    const options = { format: "csv", ...defaultCsvOptions, map: [], types: [] };
    const identity = await identify(file, { server: server.url, rejected: `${file}.rejected.ndjson`, options });
    const before = { created: 0, updated: 0, unchanged: 2, applied: 0, failed: 0 };
    await new Journal(journalPath(file), identity).write({ ...nothingDone, answered: 2, counts: before });
    const { status, stdout, stderr } = await call("import", file, "--resume");
    expect([status, stderr]).toEqual([0, ""]);
    expect(counts(stdout)).toEqual({ users: 3, created: 1, updated: 0, unchanged: 2, failed: 0 });
    expect((await call("get", "resumed 1")).status).toBe(1);
    expect((await call("get", "resumed 3")).status).toBe(0);
    expect(existsSync(journalPath(file))).toBe(false);
    expect(await call("import", file, "--resume")).toMatchObject({
      status: 0,
      stderr: expect.stringContaining("at the beginning"),
    });
    expect(await call("import", "-", "--resume")).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("cannot be resumed"),
    });
  });

  test("of a file whose name says nothing asks for its format, and of none says that it is not there", async () => {
    const file = join(directory, "users.text");
    writeFileSync(file, "");
    expect((await call("import", file)).stderr).toContain("--format");
    expect((await call("import", `${file}.gone`)).stderr).toMatch(/^rollcall: cannot read .*ENOENT/);
  });

  test("of a file that is not there fails with one clear message", async () => {
    const { status, stderr } = await call("import", join(directory, "none.ndjson"));
    expect(status).toBe(1);
    expect(stderr).toMatch(/^rollcall: cannot read .*none\.ndjson: ENOENT/);
  });

  test("that cannot reach the server leaves nothing behind", async () => {
    const file = join(directory, "away.ndjson");
    writeFileSync(file, '{"id":"a"}');
    expect((await rollcall(["import", file, "--server", "http://127.0.0.1:1"])).status).toBe(1);
    expect(existsSync(journalPath(file))).toBe(false);
  });
});

describe("export", () => {
  test("writes users that an import finds unchanged, as NDJSON and CSV", async () => {
    await call("import", sample);
    for (const [name, options, types] of [
      ["all.ndjson.gz", [], []],
      ["all.csv", ["--cells", "json"], ["--type", "*=json"]],
    ] as const) {
      const file = join(directory, name);
      const { status, stderr } = await call("export", file, ...options);
      expect([status, stderr]).toEqual([0, expect.stringMatching(/^\d+ users are in /)]);
      const { stdout } = await call("import", file, ...types);
      const { users, unchanged } = counts(stdout);
      expect(users).toBeGreaterThanOrEqual(20);
      expect(unchanged).toBe(users);
    }
  });

  test("says how many preferences an import of it leaves out", async () => {
    const { stdout } = await call("export", "--properties", "name,email");
    const file = join(directory, "stdout.ndjson");
    writeFileSync(file, `${stdout.split("\n")[0]?.replace('"preferences":{}', '"preferences":{"a":1}')}\n`);
    const { status, stdout: told } = await call("import", file);
    expect(told).toMatch(/^1 users have preferences in the file, which were not imported/m);
    expect(status).toBe(0);
  });
});
