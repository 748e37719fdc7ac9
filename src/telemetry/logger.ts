import { destination, type Logger, pino, stdTimeFunctions } from "pino";
import type { LogLevel } from "./log-levels.ts";

export type { Logger } from "pino";

/** Logs JSON lines to standard error. Users' ids and traits are never given to it. */
export function createLogger(level: LogLevel): Logger {
  return pino(
    {
      name: "rollcall",
      level,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination({ fd: 2, sync: true }),
  );
}
