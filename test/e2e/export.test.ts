import { once } from "node:events";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { toJson } from "@bufbuild/protobuf";
import { expect, onTestFinished, test } from "vitest";
import { UserSchema } from "#gen/rollcall/v1/user_pb.js";
import { createRollcallClient, importUsers } from "../../src/client/index.ts";
import { startCuttingProxy } from "../support/cutting-proxy.ts";
import { temporaryFolder } from "../support/files.ts";
import { serve, startRollcall } from "../support/processes.ts";
import { ada, startTestServer } from "../support/server.ts";
import { until } from "../support/until.ts";

const pages = 5;
const pageUsers = 1_000;

async function fill(server: string): Promise<void> {
  const users = Array.from({ length: pages * pageUsers }, (_, at) => ({
    id: `u${at}`,
    properties: { ...ada, text: "x".repeat(500) },
  }));
  await importUsers(createRollcallClient(server), users, { onRefused: ({ id }) => expect.fail(id) });
}

test("an export whose server is killed and comes back has every user once", async () => {
  const store = `sqlite:${join(temporaryFolder(), "users.db")}`;
  const server = await serve(store);
  onTestFinished(async () => {
    await server.stop();
  });
  await fill(server.url);
  const exporting = startRollcall(["export", "--server", server.url]);
  onTestFinished(() => {
    exporting.kill();
  });
  const { stdout, stderr } = exporting;
  if (stdout === null || stderr === null) expect.fail("the export has no output");
  let said = "";
  stderr.setEncoding("utf8").on("data", (piece) => {
    said += piece;
  });
  // A page has more than a pipe holds: the export waits for its reader.
  await once(stdout, "readable");
  await server.stop("SIGKILL");
  let text = "";
  stdout.setEncoding("utf8").on("data", (piece) => {
    text += piece;
  });
  const closed = once(exporting, "close");
  await until(() => said.includes("waiting"));
  const again = await serve(store, ["--listen", new URL(server.url).host]);
  onTestFinished(async () => {
    await again.stop();
  });
  const client = createRollcallClient(again.url);
  const stored: unknown[] = [];
  for (let pageToken: string | undefined; pageToken !== ""; ) {
    const page = await client.listUsers({ pageSize: pageUsers, pageToken: pageToken ?? "" });
    stored.push(...page.users.map((user) => toJson(UserSchema, user, { useProtoFieldName: true })));
    pageToken = page.nextPageToken;
  }
  expect((await closed)[0]).toBe(0);
  expect(stored).toHaveLength(pages * pageUsers);
  const lines = text.trim().split("\n");
  expect(lines.map((line) => JSON.parse(line))).toEqual(stored);
  expect(said).toMatch(/^waiting for http:\S+: \S.*\nthe server answers again\n$/);
});

test.each([
  { signal: "SIGINT", leaves: "no file" },
  { signal: "SIGHUP", leaves: "no file" },
  { signal: "SIGKILL", leaves: "what it had, for its owner alone," },
] as const)("$signal while it waits for its server leaves $leaves behind", async ({ signal }) => {
  const server = await startTestServer();
  onTestFinished(() => server.stop());
  await fill(server.url);
  const folder = temporaryFolder();
  const hasBegun = () => readdirSync(folder).some((name) => statSync(join(folder, name)).size > 0);
  const proxy = await startCuttingProxy(server.port, hasBegun);
  onTestFinished(() => proxy.stop());
  const url = `http://127.0.0.1:${proxy.port}`;
  const exporting = startRollcall(["export", join(folder, "users.ndjson"), "--server", url]);
  const closed = once(exporting, "close");
  let said = "";
  exporting.stderr?.setEncoding("utf8").on("data", (piece) => {
    said += piece;
  });
  await until(() => said.includes("waiting"));
  const begun = [`users.ndjson.${exporting.pid}.tmp`];
  expect(readdirSync(folder)).toEqual(begun);
  exporting.kill(signal);
  expect(await closed).toEqual([null, signal]);
  const left = readdirSync(folder);
  expect(left).toEqual(signal === "SIGKILL" ? begun : []);
  for (const name of left) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
});
