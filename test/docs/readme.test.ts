/** That the README's commands do what it says. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { rollcall } from "../support/processes.ts";
import { startTestServer } from "../support/server.ts";

const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");

test("the example of an import imports", async () => {
  const [, words] = /^ {4}npx rollcall (import examples\/\S+)$/m.exec(readme) ?? expect.fail("there is no import");
  const server = await startTestServer();
  const { status, stdout } = await rollcall(words?.split(" ") ?? [], { ROLLCALL_SERVER: server.url });
  expect(stdout).toMatch(/^created +20$/m);
  expect(status).toBe(0);
  await server.stop();
});
