import type { Logger } from "./logger.ts";
import { onceASecond } from "./quiet.ts";

/** Reports a failure, with the request that failed. */
export type Report = (failure: unknown, ids?: { readonly requestId: string; readonly traceId?: string }) => void;

/** Logs failures of the server, at most one of each kind a second: a store that is away fails every request. */
export function createFailureLog(logger: Logger, now?: () => number): Report {
  const isDue = onceASecond(now);
  return (failure, ids) => {
    if (!isDue(failure instanceof Error ? failure.message : "")) return;
    logger.error({ ...describeFailure(failure), ...ids }, "a request failed inside");
  };
}

/**
 * A failure for the log: its reason or name, its message and where it was thrown. Nothing else, since clients of stores
 * attach the failed command to their errors, and so users' properties.
 */
export function describeFailure(failure: unknown): { failure: string; reason: string; stack?: string } {
  if (!(failure instanceof Error)) return { failure: typeof failure, reason: "not an error" };
  const cause = failure.cause instanceof Error ? failure.cause : failure;
  return {
    failure: "reason" in failure && typeof failure.reason === "string" ? failure.reason : failure.name,
    reason: withoutArguments(cause.message),
    ...(cause !== failure ? {} : { stack: framesOf(failure) }),
  };
}

/** The stack without the message. */
function framesOf({ stack = "" }: Error): string {
  return stack.slice(Math.max(0, stack.search(/^ {4}at /m)));
}

/** A message of Redis without the arguments of the failed command, which may hold a password. */
export function withoutArguments(message: string): string {
  return message.replace(/,? with args beginning with:.*/s, "");
}
