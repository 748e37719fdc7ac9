/** The memory to read a request is bounded by its size. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { inFull } from "../support/repeats.ts";
import type { Costs } from "./request-cost-program.ts";

/** Shapes of each size. */
const shapes = inFull ? 700 : 12;
/** Bytes that are allocated for each byte of a request. */
const maxBuiltPerByte = 80;
/** What a request of any size may take: less than a young generation. */
const floorBytes = 48 * 1024 * 1024;
/** The last is the limit. */
const sizes = [64 * 1024, 1024 * 1024, 3.9 * 1024 * 1024];

describe.each(sizes)("requests of %i bytes", (size) => {
  test(`of ${shapes} shapes build at most ${maxBuiltPerByte} bytes for each of their own`, async () => {
    const program = new URL("./request-cost-program.ts", import.meta.url);
    const seed = process.env["TEST_SEED"] ?? "1";
    const child = fork(program, [String(size), String(shapes), seed], {
      execArgv: ["--expose-gc", "--max-semi-space-size=256", "--min-semi-space-size=256"],
    });
    const costs = new Promise<Costs>((resolve) => child.once("message", (message) => resolve(message as Costs)));
    const [status] = await once(child, "exit");
    expect(status).toBe(0);
    const { dearest, tried } = await costs;
    expect(tried).toBe(shapes);
    const most = maxBuiltPerByte * size + floorBytes;
    expect(dearest.filter(({ bytes }) => bytes > most)).toEqual([]);
  }, 300_000);
});
