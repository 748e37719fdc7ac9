import { expect, test } from "vitest";
import { isRollcallAlone } from "../../src/cli/npm-parent.ts";

test.each([
  "rollcall",
  "rollcall serve",
  "exec rollcall serve",
  "A=b rollcall serve",
  "exec A=b C=d rollcall serve --listen 127.0.0.1:0",
  "'rollcall' 'serve'",
  "node_modules/.bin/rollcall serve",
  "node src/main.ts serve",
  "exec node --max-semi-space-size=24 src/main.ts serve",
])("npm's end stops the server of the script %j", (script) => {
  expect(isRollcallAlone(script)).toBe(true);
});

test.each([
  "rollcall serve &",
  "rollcall serve & sleep 1",
  "rollcall serve | cat",
  "rollcall serve; echo stopped",
  "rollcall serve $(cat options)",
  "a && rollcall serve",
  "(rollcall serve)",
  "nohup rollcall serve",
  "other-rollcall serve",
  "node src/main.ts serve &",
  "node other.ts",
])("npm's end does not stop the server of the script %j", (script) => {
  expect(isRollcallAlone(script)).toBe(false);
});
