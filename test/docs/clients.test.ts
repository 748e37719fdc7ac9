/** docs/clients.md: the first calls are those of programs that `npm run test:clients` runs. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { standsIn } from "../support/shown-code.ts";

const text = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const clients = text("docs/clients.md");

test.each([
  ["ts", "clients/typescript/src/first-call.ts"],
  ["go", "clients/go/cmd/firstcall/main.go"],
  ["python", "clients/python/first_call.py"],
  ["java", "clients/java/example/src/main/java/rollcall/example/FirstCall.java"],
])("the first call in %s is that of %s", (language, program) => {
  const shown = [...clients.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, "gms"))].map(
    ([, code = ""]) => code,
  );
  expect(shown).toHaveLength(1);
  expect(standsIn(shown[0] ?? "", text(program))).toBe(true);
});
