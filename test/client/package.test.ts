/** The package that `npm pack` makes, installed in a project as its users do: the example in TypeScript. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildPackedExample } from "../support/packed-example.ts";

const run = promisify(execFile);
const root = new URL("../../", import.meta.url).pathname;
const { version, devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const installTimeoutMs = 4 * 60_000;

let folder: string;
let project: string;
let program: string;
let server: ChildProcess;
let url: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "rollcall-package-"));
  project = await buildPackedExample(folder);
  program = join(project, "node_modules/.bin/rollcall");

  const store = `sqlite:${join(folder, "users.db")}`;
  const args = ["serve", "--listen", "127.0.0.1:0", "--store", store, "--log-level", "error"];
  server = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  if (server.stdout === null) throw new Error("the server has no output");
  const [banner] = await once(createInterface({ input: server.stdout }), "line");
  url = /http:\/\/[\d.:]+\d/.exec(String(banner))?.[0] ?? expect.fail(`no address in: ${banner}`);
}, installTimeoutMs);
afterAll(async () => {
  server.kill();
  await once(server, "exit");
  rmSync(folder, { recursive: true, force: true });
});

test("the example has the version of the package and of the project's tools", () => {
  const example = JSON.parse(readFileSync(join(project, "package.json"), "utf8"));
  expect(example.version).toBe(version);
  expect(example.dependencies).toEqual({ rollcall: `file:../../rollcall-${version}.tgz` });
  expect(devDependencies).toMatchObject(example.devDependencies);
});

test("the example works", async () => {
  const { stdout } = await run(process.execPath, [join(project, "dist/example.js"), "--server", url]);
  expect(stdout.trimEnd().split("\n")).toEqual([
    "CREATED { email: 'ada@example.com', name: 'Ada', plan: 'pro' }",
    "REQUIRED_PROPERTY_MISSING",
    "  properties.email: is required to create a user: it must be a non-empty string",
    "1 there, missing: nobody",
    "somebody was faster: the user has another etag: it has changed; read it again",
    "found u1 by a scan",
    "row 7: REQUIRED_PROPERTY_MISSING: properties.email: is required: it must be a non-empty string",
    "500 rows are done with",
    "1000 rows are done with",
    "1200 rows are done with",
    "1199 created, 1 failed",
  ]);
});

const typed = `
import { createRollcallClient, findUsers, ImportInterrupted, importUsers, RollcallError, scanUsers, type UserToImport } from "rollcall";

const users = createRollcallClient({ server: "http://127.0.0.1:1", token: async () => "secret", retries: { maxAttempts: 2 } });
interface Line extends UserToImport {
  line: number;
}
const lines: Line[] = [{ line: 1, id: "u", properties: { list: [1, { inner: null }] }, observedAt: new Date() }];
const refused: number[] = [];
try {
  const { answered } = await importUsers(users, lines, { onRefused: ({ line }) => refused.push(line) });
  const name: string | undefined = (await users.getUser({ id: "u" })).user?.id;
  console.log(answered + 1, name);
  for await (const { id } of findUsers(users, { property: "n", equals: 1 }, { signal: AbortSignal.timeout(5) })) console.log(id.length);
  for await (const { properties } of scanUsers(users, { updatedAfter: new Date() })) console.log(properties?.["n"]);
  // @ts-expect-error: a match has one condition
  findUsers(users, { property: "n", equals: 1, startsWith: "ab" });
} catch (error) {
  if (error instanceof ImportInterrupted) console.log(error.counts.answered, error.cause.reason);
  if (error instanceof RollcallError) console.log(error.violations[0]?.field);
}
// @ts-expect-error: an id is text
await users.getUser({ id: 1 });
`;

test.for([
  ["module nodenext", { module: "nodenext" }],
  ["moduleResolution bundler", { module: "esnext", moduleResolution: "bundler" }],
] as const)("its types check under strict with %s", async ([, options]) => {
  const compilerOptions = {
    strict: true,
    noEmit: true,
    target: "es2024",
    types: ["node"],
    skipLibCheck: false,
    ...options,
  };
  writeFileSync(join(project, "typed.ts"), typed);
  const config = join(project, "tsconfig.typed.json");
  writeFileSync(config, JSON.stringify({ compilerOptions, files: ["typed.ts"] }));
  expect(await run("tsc", ["--project", config])).toMatchObject({ stdout: "" });
});

const typedForBrowsers = `
import { type Client, createClient, type Transport } from "@connectrpc/connect";
import { Outcome, type ReasonName, rollcallErrorOf, type User, UserSchema, UserService } from "rollcall/contract";

declare const transport: Transport;
const users: Client<typeof UserService> = createClient(UserService, transport);
try {
  const { user, outcome } = await users.identify({ id: "u", properties: { list: [1, { inner: null }] } });
  const stored: User | undefined = user;
  console.log(stored?.id, outcome === Outcome.CREATED, UserSchema.typeName, document.title);
} catch (error) {
  const reason: ReasonName | undefined = rollcallErrorOf(error).reason;
  console.log(reason);
}
// @ts-expect-error: an id is text
await users.getUser({ id: 1 });
`;

test("the types of its contract check under strict with only those of a browser", async () => {
  const compilerOptions = {
    strict: true,
    noEmit: true,
    target: "es2024",
    lib: ["es2024", "dom", "dom.iterable"],
    types: [],
    skipLibCheck: false,
    module: "esnext",
    moduleResolution: "bundler",
  };
  writeFileSync(join(project, "browser.ts"), typedForBrowsers);
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["browser.ts"] }));
  expect(await run("tsc", ["--project", project])).toMatchObject({ stdout: "" });
});

test("its contract imports nothing of Node, and reads errors", async () => {
  const script = `
    import { registerHooks } from "node:module";
    const loaded = [];
    registerHooks({
      resolve(specifier, context, next) {
        const resolved = next(specifier, context);
        loaded.push(resolved.url);
        return resolved;
      },
    });
    const { RollcallError, rollcallErrorOf, UserService } = await import("rollcall/contract");
    const error = rollcallErrorOf(new Error("no answer"));
    const ofNode = loaded.filter((url) => url.startsWith("node:"));
    console.log(JSON.stringify([UserService.typeName, error instanceof RollcallError, loaded.length > 10, ofNode]));
  `;
  writeFileSync(join(project, "contract.js"), script);
  const { stdout } = await run(process.execPath, ["contract.js"], { cwd: project });
  expect(JSON.parse(stdout)).toEqual(["rollcall.v1.UserService", true, true, []]);
});

test("its client works from plain JavaScript", async () => {
  const script = `
    import { createRollcallClient, importUsers, Outcome } from "rollcall";
    const users = createRollcallClient(${JSON.stringify(url)});
    const properties = { name: "Ada", email: "ada@example.com" };
    const { outcome } = await users.identify({ id: "js", properties });
    const { user } = await users.getUser({ id: "js" });
    const ids = ["js", "js-1", "js-2"];
    const counts = await importUsers(users, ids.map((id) => ({ id, properties })), { onRefused: console.error });
    console.log(JSON.stringify([Outcome[outcome], user.properties, counts]));
  `;
  writeFileSync(join(project, "calls.js"), script);
  const { stdout, stderr } = await run(process.execPath, ["calls.js"], { cwd: project });
  expect(stderr).toBe("");
  expect(JSON.parse(stdout)).toEqual([
    "CREATED",
    { name: "Ada", email: "ada@example.com" },
    { created: 2, updated: 0, unchanged: 1, applied: 0, failed: 0, answered: 3 },
  ]);
});

test("its program works", async () => {
  expect((await run(program, ["--version"])).stdout).toBe(`${version}\n`);
  const env = { ...process.env, ROLLCALL_SERVER: url };
  const ada = '{"name":"Ada","email":"ada@example.com"}';
  await run(program, ["identify", "cli", "--properties", ada], { env });
  expect(JSON.parse((await run(program, ["get", "cli"], { env })).stdout)).toMatchObject({ user: { id: "cli" } });
  expect((await run(program, ["health"], { env })).stdout).toBe("SERVING\n");
});

test("its program names the Node it needs if this one is too old for the command", async () => {
  const under = (version: string, at: string, ...args: string[]) => {
    const pretend = `Object.defineProperty(process.versions, "node", { value: ${JSON.stringify(version)} })`;
    return run(process.execPath, ["--import", `data:text/javascript,${encodeURIComponent(pretend)}`, at, ...args]);
  };
  expect((await under("24.9.0", program, "--version")).stdout).toBe(`${version}\n`);
  const inClone = join(root, "bin/rollcall.js");
  for (const [found, at, command, needed] of [
    ["24.9.0", program, "serve", "24.18.1"],
    ["24.18.0", program, "backup", "24.18.1"],
    ["20.19.5", program, "health", "22.12.0"],
    ["24.18.0", inClone, "health", "24.18.1"],
  ] as const) {
    await expect(under(found, at, command)).rejects.toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(`^rollcall: Node ${needed} or later is needed, and this is ${found} \\(.*\n$`),
    });
  }
});

test("it has the scripts for Redis", () => {
  const scripts = (at: string) => readdirSync(join(at, "store/redis/scripts"));
  expect(scripts(join(project, "node_modules/rollcall/dist"))).toEqual(scripts(join(root, "src")));
});
