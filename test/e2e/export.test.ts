import { once } from "node:events";
import { join } from "node:path";
import { toJson } from "@bufbuild/protobuf";
import { expect, onTestFinished, test } from "vitest";
import { UserSchema } from "#gen/rollcall/v1/user_pb.js";
import { createRollcallClient, importUsers } from "../../src/client/index.ts";
import { temporaryFolder } from "../support/files.ts";
import { serve, startRollcall } from "../support/processes.ts";
import { ada } from "../support/server.ts";
import { until } from "../support/until.ts";

const pages = 5;
const pageUsers = 1_000;

test("an export whose server is killed and comes back has every user once", async () => {
  const store = `sqlite:${join(temporaryFolder(), "users.db")}`;
  const server = await serve(store);
  onTestFinished(async () => {
    await server.stop();
  });
  const client = createRollcallClient(server.url);
  const users = Array.from({ length: pages * pageUsers }, (_, at) => ({
    id: `u${at}`,
    properties: { ...ada, text: "x".repeat(500) },
  }));
  await importUsers(client, users, { onRefused: ({ id }) => expect.fail(id) });
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
