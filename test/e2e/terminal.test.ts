/** The command line on a terminal, as a person sees it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { createRollcallClient } from "../../src/client/index.ts";
import { openSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { authorizationOf, scopedCredentials } from "../support/scoped-callers.ts";
import { ada, startTestServer, type TestServer } from "../support/server.ts";
import { openTerminal } from "../support/terminal.ts";
import { until } from "../support/until.ts";

const main = new URL("../../src/main.ts", import.meta.url).pathname;

let directory: string;
let server: TestServer;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "rollcall-terminal-"));
  server = await startTestServer();
});
afterAll(async () => {
  await server.stop();
  rmSync(directory, { recursive: true });
});

/** Runs `rollcall`, and waits until its screen is as it should be. */
async function shows(args: string, expected: RegExp, { url } = server): Promise<string> {
  const terminal = openTerminal(`ROLLCALL_SERVER=${url} "${process.execPath}" "${main}" ${args}`);
  onTestFinished(() => terminal.stop());
  let screen = "";
  await until(() => {
    screen = terminal.screen();
    return expected.test(screen);
  });
  return screen;
}

test("an import shows a bar with the share that is done, the rate and the time that is left, and ends with a table", async () => {
  const file = join(directory, "users.ndjson");
  const row = (at: number) => JSON.stringify({ id: `u${at}`, properties: { ...ada, at, text: "x".repeat(600) } });
  writeFileSync(file, Array.from({ length: 10_000 }, (_, at) => `${row(at)}\n`).join(""));
  const bar = /^█+░* \d+%, \d+ users, \d+ users\/s, \S+ left: \d+ created, 0 updated, 0 unchanged, 0 failed/m;
  const terminal = openTerminal(`"${process.execPath}" "${main}" import "${file}" --server ${server.url}`);
  onTestFinished(() => terminal.stop());
  await until(() => bar.test(terminal.screen()));
  await until(() => /^time +[\d.]+ s, \d+ users\/s$/m.test(terminal.screen()));
  const screen = terminal.screen();
  expect(screen).toMatch(/^users +10000\ncreated +10000\nupdated +0\nunchanged +0\nfailed +0$/m);
  expect(screen).not.toContain("%");
});

test("rows that are rejected are listed above the bar, each on a line of its own", async () => {
  const file = join(directory, "rejected.ndjson");
  const rejected = [1, 2_000, 4_000];
  const row = (line: number) => JSON.stringify({ id: rejected.includes(line) ? "" : `r${line}`, properties: ada });
  writeFileSync(file, Array.from({ length: 5_000 }, (_, at) => `${row(at + 1)}\n`).join(""));
  const screen = await shows(`import "${file}"`, /^The 3 that failed are in/m);
  const listed = screen.split("\n").filter((line) => line.includes("INVALID_ID"));
  expect(listed).toEqual(rejected.map((line) => `${file}:${line}: INVALID_ARGUMENT INVALID_ID: id: is required`));
});

test("a caller who may not read sees that a write was applied", async () => {
  const callers = scopedCredentials();
  const secured = await startTestServer({ access: { credentials: callers.file } });
  onTestFinished(async () => {
    await secured.stop();
    callers.remove();
  });
  const [, token] = authorizationOf(["users.write"]).split(" ");
  const as = `--server ${secured.url} --token ${token}`;
  await shows(`identify blind --properties '{"name":"Ada","email":"ada@example.com"}' ${as}`, /^applied$/m);
  await shows(`set-preferences blind --preferences '{}' ${as}`, /^applied$/m);
});

test("a user is printed for people to read, and nothing in it reaches the terminal as a command", async () => {
  const users = createRollcallClient({ server: server.url });
  await users.identify({ id: "shown", properties: { ...ada, note: "\u001b[2Jgone\u0007", tags: ["a", "b"] } });
  const screen = await shows("get shown", /tags +\["a","b"\]/);
  expect(screen).toMatch(/^shown\n {2}created \d{4}-/m);
  expect(screen).toContain(String.raw`note   \u{1b}[2Jgone\u{7}`);
  await shows(
    "list --page-size 1",
    /^id +updated +properties\n.*\nmore: rollcall list --page-size 1 --page-token \S+$/m,
  );
});

test("an export to a terminal has nothing that the terminal would act on", async () => {
  const one = await startTestServer();
  onTestFinished(() => one.stop());
  const note = "\u009b2Jgone\u202e";
  await createRollcallClient(one.url).identify({ id: "shown", properties: { ...ada, note } });
  expect(await shows("export", /"shown"/, one)).toContain(String.raw`"\u009b2Jgone\u202e"`);
  expect(await shows("export --format csv", /^shown,/m, one)).toContain(String.raw`\u{9b}2Jgone\u{202e}`);
});

test("config shows a person the store's configuration, and says what it has changed", async () => {
  const path = join(directory, "configured.db");
  await (await openSqliteStore(path)).close();
  const store = `--store sqlite:${path}`;
  const shown = await shows(`config show ${store}`, /rehearsal: off/);
  expect(shown).toMatch(/store id {4}[0-9a-f]{20}\n/);
  expect(shown).toContain("none: no feature is on");
  await shows(
    `config enable rehearsal --dry-run ${store}`,
    /would be switched on, with generation 1; nothing has changed/,
  );
  await shows(`config enable rehearsal ${store}`, /rehearsal is on now, with generation 1/);
  await shows(`config enable rehearsal ${store}`, /rehearsal is on already: nothing has changed/);
  expect(await shows(`config show ${store}`, /rehearsal: on/)).toContain("written since generation 1");
});

test("indexes says to a person what it has changed, what happens next, and how far that is", async () => {
  const path = join(directory, "indexed.db");
  await (await openSqliteStore(path)).close();
  const store = `--store sqlite:${path}`;
  await shows(`indexes list ${store}`, /The store has no indexes\./);
  const would = await shows(`indexes set email:fold,phone --dry-run ${store}`, /^Nothing has changed\.$/m);
  expect(would).toMatch(/^With this change the store has: email:fold, phone\.$/m);
  expect(would).toMatch(
    /^new: email:fold, phone\. A server would build them in the background; .* would fail with .*$/m,
  );
  const set = await shows(`indexes set email:fold,phone ${store}`, /rollcall indexes list shows how far that is/);
  expect(set).toMatch(/^The store has: email:fold, phone\. Servers follow within a second\.$/m);
  expect(set).toMatch(/^new: email:fold, phone\. A server builds them in the background; .* INDEX_NOT_READY\.$/m);
  await shows(
    `indexes set email:fold,phone ${store}`,
    /The store has already: email:fold, phone\. Nothing has changed\./,
  );
  expect(await shows(`indexes drop phone --dry-run ${store}`, /^Nothing has changed\.$/m)).toMatch(
    /^dropped: phone\. FindUsers could not use it; a server would remove its entries in the background\.$/m,
  );
  expect(await shows(`indexes drop phone ${store}`, /how far that is/)).toMatch(
    /^dropped: phone\. FindUsers cannot use it; a server removes its entries in the background\.$/m,
  );
  await shows(`indexes list ${store}`, /^email:fold: being built.*; number 1\nphone: being dropped.*; number 2$/m);
  expect(await shows(`config show ${store}`, /indexes: on/)).toMatch(/^indexes\n {2}email:fold: being built/m);
});

test("users that are found are printed as a table, and a number as it is", async () => {
  const found = await startTestServer({ indexes: [{ property: "email", folded: true }] });
  onTestFinished(() => found.stop());
  const users = createRollcallClient(found.url);
  for (const id of ["one", "two"]) await users.identify({ id, properties: ada });
  await until(async () => (await found.metric('rollcall_indexes{rollcall_state="ready"}')) === 1, 30_000);
  const screen = await shows("find email=ADA@example.com --limit 1", /there may be more users/, found);
  expect(screen).toMatch(/^id +updated +properties\none +\S+ \S+ +email=ada@example\.com name=Ada$/m);
  await shows("count email", /^2$/m, found);
}, 60_000);
