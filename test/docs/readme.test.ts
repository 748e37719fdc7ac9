/** README.md: its commands do what it says. */
import { readFileSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import { rollcall } from "../support/processes.ts";
import { startTestServer } from "../support/server.ts";
import { shownCommands } from "../support/shown-commands.ts";

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

test("is short enough to read at once", () => {
  expect(readme.trimEnd().split("\n").length).toBeLessThanOrEqual(120);
});
