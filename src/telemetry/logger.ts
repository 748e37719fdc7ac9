import { writeSync } from "node:fs";
import { type Logger, pino, stdTimeFunctions } from "pino";
import { printableJson } from "../config/invisible.ts";
import type { LogLevel } from "../config/option-values.ts";

export type { Logger } from "pino";

const standardError = 2;
/** How long to wait for a reader of a full pipe, each time and for one line. */
const fullPipeMs = 10;
const maxFullPipeMs = 1_000;
const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** Logs JSON lines to standard error. It never gets users' ids or properties. */
export function createLogger(level: LogLevel): Logger {
  return pino(
    {
      name: "rollcall",
      level,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    // Names and answers of a store may reach a terminal through the log.
    { write: (line) => writeLine(printableJson(line)) },
  );
}

/** Whether only a part of the last line was written. */
let isCut = false;
/** Whether the reader did not make room for the last line in time; the next lines do not wait. */
let isStuck = false;

/**
 * Drops what cannot be written, so that a closed terminal, a full disk or a hanging reader cannot stop the server. Pino's
 * own destination throws, waits for ever, or keeps every line in memory.
 */
function writeLine(line: string): void {
  let rest = Buffer.from(isCut ? `\n${line}` : line);
  const { length } = rest;
  const giveUpAt = performance.now() + (isStuck ? 0 : maxFullPipeMs);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(standardError, rest));
      isStuck = false;
    } catch (error) {
      if (!isFull(error)) return;
      if (performance.now() >= giveUpAt) {
        isStuck = true;
        isCut ||= rest.length < length;
        return;
      }
      Atomics.wait(sleeper, 0, 0, fullPipeMs);
    }
  }
  isCut = false;
}

function isFull(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EAGAIN";
}
