/** Imports that are interrupted: by their user, by an end without warning, and by a server that goes away. */
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createRollcallClient } from "../../src/client/index.ts";
import { protocols } from "../support/import-items.ts";
import { startRollcall } from "../support/processes.ts";
import { inFull } from "../support/repeats.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";

const users = inFull ? 6_000 : 4_000;
/** One in so many rows has no e-mail address. */
const badEvery = 500;

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "rollcall-import-"));
  file = join(directory, "users.ndjson");
  const rows = Array.from({ length: users }, (_, at) => {
    const email = at % badEvery === 1 ? {} : { email: `${at}@example.com` };
    return JSON.stringify({
      id: `u${idOf(at)}`,
      properties: { name: `Name ${at}`, ...email, text: "x".repeat(900) },
    });
  });
  writeFileSync(file, `${rows.join("\n")}\n`);
});
afterEach(() => rmSync(directory, { recursive: true }));

/** The last hundred rows are about users that there are, and none of them about one whose row is bad. */
function idOf(at: number): number {
  return at < users - 100 ? at : at - (users - 100) + 2;
}

interface Import {
  readonly process: ReturnType<typeof startRollcall>;
  readonly said: () => string;
  /** Its exit status, or the signal that ended it. */
  readonly ended: Promise<number | string>;
}

function startImport(server: string, ...more: string[]): Import {
  const process = startRollcall(["import", file, "--server", server, ...more]);
  let said = "";
  for (const output of [process.stdout, process.stderr]) {
    output?.setEncoding("utf8").on("data", (piece) => {
      said += piece;
    });
  }
  return { process, said: () => said, ended: once(process, "close").then(([status, signal]) => status ?? signal) };
}

/** Every user that a server has, with what was imported. */
async function everyone(server: string): Promise<ReadonlyMap<string, unknown>> {
  const client = createRollcallClient({ server });
  const found = new Map<string, unknown>();
  let pageToken = "";
  do {
    const page = await client.listUsers({ pageSize: 1_000, pageToken });
    for (const user of page.users) found.set(user.id, user.properties);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return found;
}

/** How many users a server has created. */
async function created(server: TestServer): Promise<number> {
  return (await server.metric('rollcall_batch_items_total{rollcall_outcome="created"}')) ?? 0;
}

async function hasUsers(server: string): Promise<boolean> {
  return (await createRollcallClient({ server }).listUsers({ pageSize: 1 })).users.length > 0;
}

function rejectedLines(): number[] {
  const rows = readFileSync(`${file}.rejected.ndjson`, "utf8").trim().split("\n");
  return rows.map((row) => JSON.parse(row).rejected.line);
}

async function expectAllImported(server: TestServer): Promise<void> {
  const lines = Array.from({ length: users / badEvery }, (_, at) => at * badEvery + 2);
  expect(rejectedLines()).toEqual(lines);
  rmSync(`${file}.rejected.ndjson`);
  expect(existsSync(`${file}.journal`)).toBe(false);
  cleanly ??= importedCleanly();
  expect(await everyone(server.url)).toEqual(await cleanly);
}

let cleanly: ReturnType<typeof importedCleanly> | undefined;

/** What one import that nothing interrupts makes of the file. */
async function importedCleanly() {
  const clean = await startTestServer();
  expect(await startImport(clean.url).ended).toBe(1);
  rmSync(`${file}.rejected.ndjson`);
  const imported = await everyone(clean.url);
  await clean.stop();
  return imported;
}

describe.each(protocols)("over %s", (protocol) => {
  const start = (server: string, ...more: string[]) => startImport(server, "--protocol", protocol, ...more);
  const fromInput = ["import", "-", "--protocol", protocol];

  test("one that is killed and resumed, again and again, comes to what one clean import does", async () => {
    const server = await startTestServer();
    let kills = 0;
    for (let status: number | string = "SIGKILL"; status === "SIGKILL"; ) {
      const before = await created(server);
      const running = start(server.url, ...(kills > 0 ? ["--resume"] : []));
      if (kills < 3) {
        await until(async () => (await created(server)) > before || running.process.exitCode !== null);
        running.process.kill("SIGKILL");
      }
      status = await running.ended;
      if (status === "SIGKILL") kills++;
    }
    expect(kills).toBeGreaterThan(0);
    await expectAllImported(server);
    await server.stop();
  });

  test.each([
    ["SIGINT", 130],
    ["SIGHUP", 129],
  ] as const)("one that gets %s says how far it came, and goes on from there", async (signal, status) => {
    const server = await startTestServer();
    const running = start(server.url);
    await until(() => hasUsers(server.url));
    running.process.kill(signal);
    expect(await running.ended).toBe(status);
    expect(running.said()).toMatch(/^created +\d+$/m);
    expect(running.said()).toMatch(/the import was interrupted; --resume goes on from there$/m);
    expect(await start(server.url, "--resume").ended).toBe(1);
    await expectAllImported(server);
    await server.stop();
  });

  test("one whose server is restarted goes on by itself", async () => {
    const store = `sqlite:${join(directory, "users.db")}`;
    const first = await startTestServer({ store, drainTimeoutMs: 100 });
    const running = start(first.url);
    await until(() => hasUsers(first.url));
    await first.stop();
    await until(() => running.said().includes("waiting"));
    const again = await startTestServer({ store, port: first.port });
    expect(await running.ended).toBe(1);
    const told = running.said().split("\n");
    expect(told.filter((line) => line.startsWith(`waiting for ${first.url}: `))).toHaveLength(1);
    expect(told.filter((line) => line === "the server answers again")).toHaveLength(1);
    await expectAllImported(again);
    await again.stop();
  });

  test("a dry run says what would be, and writes nothing, here neither", async () => {
    const server = await startTestServer();
    const running = start(server.url, "--dry-run", "--json");
    expect(await running.ended).toBe(1);
    expect(running.said()).toMatch(new RegExp(`"users":${users},.*"failed":${users / badEvery},`));
    expect((await everyone(server.url)).size).toBe(0);
    expect(existsSync(`${file}.rejected.ndjson`) || existsSync(`${file}.journal`)).toBe(false);
    await server.stop();
  });

  test("rows come from standard input too", async () => {
    const server = await startTestServer();
    const running = startRollcall([...fromInput, "--server", server.url], {}, "pipe");
    running.stdin?.end(readFileSync(file, "utf8").split("\n", 1)[0]);
    const [status] = await once(running, "close");
    expect(status).toBe(0);
    expect([...(await everyone(server.url)).keys()]).toEqual(["u0"]);
    await server.stop();
  });

  test("one of standard input can be stopped while it waits for more", async () => {
    const server = await startTestServer();
    const rejected = join(directory, "rejected.ndjson");
    const running = startRollcall([...fromInput, "--server", server.url, "--rejected", rejected], {}, "pipe");
    const closed = once(running, "close");
    running.stdin?.on("error", () => {}).write(readFileSync(file));
    await until(() => hasUsers(server.url));
    running.kill("SIGTERM");
    expect((await closed)[0]).toBe(143);
    await server.stop();
  });
});
