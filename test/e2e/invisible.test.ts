/** Whatever users, files and servers bring, no command prints a character on which a terminal acts, or that nobody sees. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createRollcallClient } from "../../src/client/index.ts";
import { foreignServer } from "../support/foreign-server.ts";
import { invisibleCharacters, invisibleIn } from "../support/invisible.ts";
import { type Finished, rollcall } from "../support/processes.ts";
import { ada, startTestServer, type TestServer } from "../support/server.ts";

/** All of them, with text around it. */
const odd = `a${invisibleCharacters.join("")}z`;
const oddest = `${odd}\nrollcall: all is well`;
const shown = String.raw`a\u{1b}\u{7f}\u{85}\u{9b}`;
/** Ids have no controls. */
const oddId = odd.replace(/\p{Cc}/gu, "");

let deep: unknown = 1;
for (let depth = 0; depth < 40; depth++) deep = [deep];

let directory: string;
let server: TestServer;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "rollcall-invisible-"));
  server = await startTestServer();
  const users = createRollcallClient(server.url);
  await users.identify({ id: "odd", properties: { ...ada, [odd]: odd, list: [{ [odd]: odd }] } });
  await users.setPreferences({ id: "odd", preferences: { [odd]: odd } });
});
afterAll(async () => {
  await server.stop();
  rmSync(directory, { recursive: true });
});

/** Runs a command, none of whose output may be invisible. */
async function visible(args: readonly string[], env: Record<string, string> = {}): Promise<Finished> {
  const finished = await rollcall(args, { ROLLCALL_SERVER: server.url, ...env });
  expect(invisibleIn(finished.stdout), finished.stdout).toBeUndefined();
  expect(invisibleIn(finished.stderr), finished.stderr).toBeUndefined();
  return finished;
}

/** The path of a file in the folder, with this content. */
function file(name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

describe.concurrent("JSON has each as an escape, and the same value when it is parsed:", () => {
  const properties = { ...ada, [odd]: odd, list: [{ [odd]: odd }] };

  test.for([
    ["get", ["get", "odd"], (json: string) => JSON.parse(json).user],
    ["get of several", ["get", "odd", oddId, "--json"], (json: string) => JSON.parse(json).users[0]],
    ["list", ["list"], (json: string) => JSON.parse(json).users[0]],
    ["list --all", ["list", "--all"], (json: string) => JSON.parse(json)],
    [
      "set-preferences",
      ["set-preferences", "odd", "--preferences", JSON.stringify({ [odd]: odd })],
      (json: string) => JSON.parse(json).user,
    ],
    [
      "identify",
      ["identify", "odd", "--properties", JSON.stringify({ [odd]: odd })],
      (json: string) => JSON.parse(json).user,
    ],
  ] as const)("%s", async ([, args, userIn]) => {
    const { stdout } = await visible(args);
    expect(stdout).toContain("\\u009b");
    expect(stdout).toContain("\\u202e");
    expect(userIn(stdout)).toMatchObject({ id: "odd", properties, preferences: { [odd]: odd } });
  });

  test("token", async () => {
    const { stdout } = await visible(["token", odd]);
    expect(JSON.parse(stdout).entry.name).toBe(odd);
  });

  test("the summary of an import", async () => {
    const path = file(`${odd}.ndjson`, "{}\n");
    const { stdout } = await visible(["import", path, "--json"]);
    expect(JSON.parse(stdout).rejected).toBe(`${path}.rejected.ndjson`);
  });
});

describe.concurrent("what people read has each as an escape:", () => {
  test.for([
    ["a property that is too deep", ["identify", "odd", "--properties", JSON.stringify({ [oddest]: deep })]],
    ["a file that is not there", ["import", `${oddest}.ndjson`]],
    ["a file whose format is not known", ["import", "FOLDER/odd.txt"]],
    ["a column that is not there", ["import", "FOLDER/columns.csv", "--id-column", oddest]],
    ["a column that is repeated", ["import", "FOLDER/columns.csv"]],
    ["a row that is refused", ["import", "FOLDER/rows.ndjson"]],
    ["a journal that is not there", ["import", "FOLDER/empty.ndjson", "--resume"]],
    ["where an export is", ["export", "FOLDER/out.csv"]],
    ["an option that there is not", ["get", "odd", `--${odd}`]],
    ["a command that there is not", [odd]],
  ] as const)("%s", async ([name, args]) => {
    const folder = join(directory, `${name} ${odd}`);
    const paths = args.map((arg) => arg.replace("FOLDER", folder));
    mkdirSync(folder);
    writeFileSync(join(folder, "odd.txt"), "");
    writeFileSync(join(folder, "columns.csv"), `id,"${odd}","${odd}"\n1,2,3\n`);
    writeFileSync(
      join(folder, "rows.ndjson"),
      `{"id":"x","properties":{"${odd.slice(4)}":1}}\n{"${odd.slice(4)}":1}\n`,
    );
    writeFileSync(join(folder, "empty.ndjson"), "");
    const { stdout, stderr } = await visible(paths);
    expect(stdout + stderr).toMatch(/\\u\{9b\}/);
    expect(stdout + stderr).not.toMatch(/^rollcall: all is well/m);
  });

  test("a variable that sets no option", async () => {
    const { stderr } = await visible(["health"], { [`ROLLCALL_${odd}`]: "x" });
    expect(stderr).toContain(`ROLLCALL_${shown}`);
  });
});

test("what a server answers", async () => {
  const message = encodeURIComponent(oddest);
  const foreign = await foreignServer((stream) => {
    stream.respond({ ":status": 200, "content-type": "application/grpc", "grpc-status": 9, "grpc-message": message });
    stream.end();
  });
  for (const args of [
    ["get", "odd"],
    ["export", join(directory, "out.ndjson")],
  ]) {
    const { status, stderr } = await visible([...args, "--server", foreign.url]);
    expect(status).toBe(1);
    expect(stderr).toContain(`FAILED_PRECONDITION: ${shown}`);
    expect(stderr).not.toMatch(/^rollcall: all is well/m);
  }
});

test("the data of an export is as it is", async () => {
  for (const [name, expected] of [
    ["data.ndjson", JSON.stringify({ [odd]: odd }).slice(1, -1)],
    ["data.csv", odd],
  ] as const) {
    const path = join(directory, name);
    await visible(["export", path]);
    expect(readFileSync(path, "utf8")).toContain(expected);
    const piped = await rollcall(["export", "-", "--format", name.slice(5)], { ROLLCALL_SERVER: server.url });
    expect(piped.stdout).toBe(readFileSync(path, "utf8"));
  }
});
