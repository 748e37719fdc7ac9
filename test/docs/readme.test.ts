/** That the README's commands do what it says, and that its code is that of programs that are run. */
import { readFileSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import { rollcall } from "../support/processes.ts";
import { startTestServer } from "../support/server.ts";
import { standsIn } from "../support/shown-code.ts";
import { shownCommands } from "../support/shown-commands.ts";

const text = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const readme = text("README.md");

test("the first call with curl is that of clients/curl.md, which answers what it says", () => {
  const [first] = shownCommands(text("clients/curl.md"));
  expect(shownCommands(readme)).toEqual([first]);
});

// `npm run test:clients` runs them.
test.each([
  ["ts", "clients/typescript/src/first-call.ts"],
  ["go", "clients/go/cmd/firstcall/main.go"],
  ["python", "clients/python/first_call.py"],
  ["java", "clients/java/example/src/main/java/rollcall/example/FirstCall.java"],
])("the first call in %s is that of %s", (language, program) => {
  const shown = [...readme.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, "gms"))].map(
    ([, code = ""]) => code,
  );
  expect(shown).toHaveLength(1);
  expect(standsIn(shown[0] ?? "", text(program))).toBe(true);
});

test("the example of an import imports", async () => {
  const [, words] = /^ {4}npx rollcall (import docs\/\S+)$/m.exec(readme) ?? expect.fail("there is no import");
  const server = await startTestServer();
  onTestFinished(() => server.stop());
  const { status, stdout } = await rollcall(words?.split(" ") ?? [], { ROLLCALL_SERVER: server.url });
  expect(stdout).toMatch(/^created +20$/m);
  expect(status).toBe(0);
});
