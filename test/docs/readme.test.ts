/** README.md: its commands do what it says. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createRollcallClient } from "../../src/client/index.ts";
import { temporaryFolder } from "../support/files.ts";
import { rollcall } from "../support/processes.ts";
import { ada, startTestServer } from "../support/server.ts";
import { shownCommands } from "../support/shown-commands.ts";
import { until } from "../support/until.ts";

const text = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const readme = text("README.md");

test("the first call is that of clients/curl.md, which answers what it says", () => {
  const [first] = shownCommands(text("clients/curl.md"));
  expect(shownCommands(readme)).toEqual([first]);
});

test("the example of an import imports", async () => {
  const [, words] = /^ {4}npx rollcall (import \S+)$/m.exec(readme) ?? expect.fail("there is no import");
  const server = await startTestServer();
  onTestFinished(() => server.stop());
  const { status, stdout } = await rollcall(words?.split(" ") ?? [], { ROLLCALL_SERVER: server.url });
  expect(stdout).toMatch(/^created +20$/m);
  expect(status).toBe(0);
});

/** The words of its commands, by the name of the command. */
function shownWords(command: string): readonly string[] {
  const [, words = ""] = new RegExp(`^ {4}npx rollcall (${command} [^#\n]+)`, "m").exec(readme) ?? [];
  return words.trim().split(" ");
}

test("its find finds the user of the first call, once the index that it sets before is built", async () => {
  const [set, find] = [shownWords("indexes"), shownWords("find")];
  expect(readme.indexOf(set.join(" "))).toBeLessThan(readme.indexOf(find.join(" ")));
  const store = `sqlite:${join(temporaryFolder(), "users.db")}`;
  const server = await startTestServer({ store });
  onTestFinished(() => server.stop());
  const env = { ROLLCALL_SERVER: server.url, ROLLCALL_STORE: store };
  await createRollcallClient(server.url).identify({ id: "u1", properties: { ...ada, plan: "pro" } });
  expect((await rollcall(set, env)).status).toBe(0);
  await until(async () => (await rollcall(find, env)).status === 0, 30_000);
  expect(JSON.parse((await rollcall(find, env)).stdout)).toMatchObject({ id: "u1", properties: ada });
  expect(await rollcall(shownWords("count"), env)).toMatchObject({ status: 0, stdout: "1\n" });
}, 60_000);

test("is short enough to read at once", () => {
  expect(readme.trimEnd().split("\n").length).toBeLessThanOrEqual(120);
});
