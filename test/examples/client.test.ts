import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { startTestServer } from "../support/server.ts";

const file = (path: string) => new URL(`../../${path}`, import.meta.url).pathname;

test("the code that docs/client.md shows is that of the example", () => {
  const example = readFileSync(file("examples/client.ts"), "utf8");
  const shown = [...readFileSync(file("docs/client.md"), "utf8").matchAll(/```ts\n(.*?)```/gs)];
  expect(shown).toHaveLength(3);
  for (const [, code = ""] of shown) expect(example).toContain(code.replace(/^import .* from "rollcall";\n\n/, ""));
});

test("the example of the client works", async () => {
  const server = await startTestServer();
  onTestFinished(() => server.stop());
  const env = { ...process.env, ROLLCALL_SERVER: server.url };
  const { stdout } = await promisify(execFile)(process.execPath, [file("examples/client.ts")], { env });
  expect(stdout.split("\n")).toEqual([
    "{ email: 'ada@example.com', name: 'Ada' }",
    "REQUIRED_PROPERTY_MISSING",
    "properties.email: is required to create a user: it must be a non-empty string",
    expect.stringMatching(/^row 7: REQUIRED_PROPERTY_MISSING: properties.name: is required .* \(and 1 more\)$/),
    "500 rows are done with",
    "1000 rows are done with",
    "1200 rows are done with",
    "1199 created, 1 failed",
    "",
  ]);
});
