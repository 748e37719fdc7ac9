import { writeSync } from "node:fs";
import { type Logger, pino, stdTimeFunctions } from "pino";
import { printableJson } from "../config/invisible.ts";
import type { LogLevel } from "./log-levels.ts";

export type { Logger } from "pino";

const standardError = 2;
/** How long to wait for a reader that makes no room, each time and for one line. */
const fullPipeMs = 10;
const maxFullPipeMs = 1_000;
const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** Logs JSON lines to standard error. Users' ids and traits are never given to it. */
export function createLogger(level: LogLevel): Logger {
  return pino(
    {
      name: "rollcall",
      level,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    // A name, or what a store answered, may reach a terminal by the log.
    { write: (line) => writeLine(printableJson(line)) },
  );
}

/** Whether the last line was given up in its middle. */
let isCut = false;
/** Whether a reader made no room for the last line: the next ones do not wait for it. */
let isStuck = false;

/**
 * Drops what cannot be written: a terminal that has been closed, a full disk or a reader that hangs stops no server. Pino's own
 * destination throws, waits for ever, or keeps every line in memory.
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
