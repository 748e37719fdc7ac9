import type { Logger } from "./logger.ts";
import { onceASecond } from "./quiet.ts";

/** Takes note of a failure, and of the request that it befell. */
export type Report = (failure: unknown, ids?: { readonly requestId: string; readonly traceId?: string }) => void;

/**
 * Logs failures inside the server, at most one of a kind each second: a store that is away fails every request.
 */
export function createFailureLog(logger: Logger, now?: () => number): Report {
  const isDue = onceASecond(now);
  return (failure, ids) => {
    if (!isDue(failure instanceof Error ? failure.message : "")) return;
    logger.error({ ...describeFailure(failure), ...ids }, "a request failed inside");
  };
}

/**
 * What a log says of a failure: the reason of a domain error or the name of another, messages and where it was thrown. Nothing else of the error, since clients of
 * stores attach the command that failed, and so users' properties.
 */
export function describeFailure(failure: unknown): { failure: string; reason: string; stack?: string } {
  if (!(failure instanceof Error)) return { failure: typeof failure, reason: "not an error" };
  const cause = failure.cause instanceof Error ? failure.cause : failure;
  const known = cause !== failure;
  return {
    failure: "reason" in failure && typeof failure.reason === "string" ? failure.reason : failure.name,
    reason: withoutArguments(cause.message),
    ...(known ? {} : { stack: framesOf(failure) }),
  };
}

/** Where it was thrown, without the message. */
function framesOf({ stack = "" }: Error): string {
  return stack.slice(Math.max(0, stack.search(/^ {4}at /m)));
}

/** A message of Redis without the arguments of the command that it complains of, which may be a password. */
export function withoutArguments(message: string): string {
  return message.replace(/,? with args beginning with:.*/s, "");
}
