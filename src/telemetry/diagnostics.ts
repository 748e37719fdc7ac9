import { type DiagLogger, DiagLogLevel, diag } from "@opentelemetry/api";
import type { Logger } from "./logger.ts";
import { onceASecond } from "./quiet.ts";

/** Logs warnings of OpenTelemetry, such as a collector that is away: at most one of each kind a second. */
export function logDiagnostics(logger: Logger, now?: () => number): void {
  const isDue = onceASecond(now);
  const warn = (message: string) => {
    const reason = reasonIn(message);
    // Messages that differ only in a number are of one kind.
    if (isDue(reason.replace(/\d+/g, ""))) logger.warn({ reason }, "OpenTelemetry warns");
  };
  // Further arguments are objects of any kind, which may hold secrets.
  const diagLogger: DiagLogger = {
    error: (message) => warn(message),
    warn: (message) => warn(message),
    info() {},
    debug() {},
    verbose() {},
  };
  diag.setLogger(diagLogger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
}

/**
 * A message without the settings that it quotes, which may hold a collector's password. Exceptions come as JSON, with
 * the collector's answer and the stack.
 */
function reasonIn(message: string): string {
  const [line = ""] = exceptionIn(message).split("\n", 1);
  return line.replace(/\([^)]*\)?|'[^']*'?/g, "…").slice(0, 200);
}

function exceptionIn(message: string): string {
  if (!message.startsWith("{")) return message;
  try {
    const { name, code, message: said } = JSON.parse(message);
    return [name, code, said].filter((part) => typeof part === "string" && part !== "").join(": ");
  } catch {
    return "an exception that cannot be read";
  }
}
