import { writeSync } from "node:fs";
import { type Logger, pino, stdTimeFunctions } from "pino";
import type { LogLevel } from "./log-levels.ts";

export type { Logger } from "pino";

const standardError = 2;
/** How long to wait for a reader that makes no room. */
const fullPipeMs = 10;

/** Logs JSON lines to standard error. Users' ids and traits are never given to it. */
export function createLogger(level: LogLevel): Logger {
  return pino(
    {
      name: "rollcall",
      level,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: writeLine },
  );
}

/**
 * Drops what cannot be written: a terminal that has been closed or a full disk stops no server. Pino's own destination
 * throws, or keeps every line in memory.
 */
function writeLine(line: string): void {
  let rest = Buffer.from(line);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(standardError, rest));
    } catch (error) {
      if (!isFull(error)) return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, fullPipeMs);
    }
  }
}

function isFull(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EAGAIN";
}
