import { pino } from "pino";
import { expect, test } from "vitest";
import { createFailureLog } from "../../src/telemetry/failure-log.ts";

test("equal failures are logged once a second", () => {
  const lines: Record<string, unknown>[] = [];
  const logger = pino({ level: "trace" }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  let now = 0;
  const report = createFailureLog(logger, () => now);
  for (const [time, message] of [
    [0, "a"],
    [10, "a"],
    [20, "b"],
    [999, "a"],
    [1_000, "a"],
  ] as const) {
    now = time;
    report(new Error(message));
  }
  expect(lines.map(({ reason }) => reason)).toEqual(["a", "b", "a"]);
});

test("what a library attaches to an error is not logged", () => {
  const lines: string[] = [];
  const report = createFailureLog(pino({ level: "trace" }, { write: (line: string) => void lines.push(line) }));
  report(Object.assign(new Error("failed"), { command: { args: ["secret trait"] } }));
  report("secret trait");
  report(new Error("ERR unknown command, with args beginning with: 'secret trait'"));
  expect(lines).toHaveLength(3);
  expect(lines[2]).toContain("failure-log.test.ts");
  expect(lines.join()).not.toContain("secret trait");
});
