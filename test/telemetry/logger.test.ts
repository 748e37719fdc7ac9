import { spawn } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import { expect, test } from "vitest";

const module = new URL("../../src/telemetry/logger.ts", import.meta.url).href;

test("a log that cannot be written does not end the process", async () => {
  const program = `
    const { createLogger } = await import(${JSON.stringify(module)});
    for (let line = 0; line < 3; line++) createLogger("info").info("lost");
    console.log("goes on");`;
  // Writing to it fails as on a full disk.
  const full = openSync("/dev/full", "w");
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: ["ignore", "pipe", full] });
  let output = "";
  child.stdout?.setEncoding("utf8").on("data", (piece) => {
    output += piece;
  });
  expect(await once(child, "close")).toEqual([0, null]);
  expect(output).toBe("goes on\n");
});

test("a reader that pauses loses nothing", async () => {
  const line = "x".repeat(1_000);
  const program = `
    const { createLogger } = await import(${JSON.stringify(module)});
    const logger = createLogger("info");
    for (let at = 0; at < 1_000; at++) logger.info({ at }, ${JSON.stringify(line)});`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (piece) => {
    log += piece;
    child.stderr.pause();
    setImmediate(() => child.stderr.resume());
  });
  expect(await once(child, "close")).toEqual([0, null]);
  const lines = log.trim().split("\n");
  expect(lines.map((text) => JSON.parse(text).at)).toEqual(Array.from({ length: 1_000 }, (_, at) => at));
});

test("a reader that hangs blocks the process only briefly, and later reads whole lines except one", async () => {
  const program = `
    const { createLogger } = await import(${JSON.stringify(module)});
    const logger = createLogger("info");
    for (let at = 0; at < 5_000; at++) logger.info({ at }, "x".repeat(1_000));
    console.log("goes on");
    setInterval(() => logger.info("last"), 10).unref();
    process.stdin.resume();`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: "pipe" });
  // The log is not read before a listener is added.
  const [said] = await once(child.stdout.setEncoding("utf8"), "data");
  expect(said).toBe("goes on\n");
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (piece) => {
    log += piece;
    if (log.includes('"last"')) child.stdin.end();
  });
  expect(await once(child, "close")).toEqual([0, null]);
  const lines = log.trim().split("\n");
  expect(lines.length).toBeLessThan(5_000);
  const broken = lines.filter((line) => !line.endsWith("}"));
  expect(broken.length).toBeLessThanOrEqual(1);
  expect(JSON.parse(lines.at(-1) ?? "").msg).toBe("last");
});

test("a log escapes invisible characters", async () => {
  const program = `
    const { createLogger } = await import(${JSON.stringify(module)});
    createLogger("info").info({ reason: String.fromCodePoint(0x9b, 0x202e, 0xe0041) }, "odd");`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const [log] = await once(child.stderr.setEncoding("utf8"), "data");
  expect(log).toContain(String.raw`"reason":"\u009b\u202e\udb40\udc41"`);
  expect(JSON.parse(log).reason).toBe("\u009b\u202e\u{e0041}");
});
