import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Redis } from "ioredis";
import { storeFull, storeUnavailable } from "../../users/errors.ts";

export interface Script {
  readonly source: string;
  readonly sha: string;
}

export function script(source: string): Script {
  return { source, sha: createHash("sha1").update(source).digest("hex") };
}

/** How long a call may take from its first attempt to its answer, retries included. */
const callTimeoutMs = 1_200;
/** How long one attempt waits for its answer before the connection counts as stuck. */
const attemptTimeoutMs = 800;
/** Between two attempts while the connection is being made again. */
const retryPauseMs = 20;

/** Redis' answers that another attempt, moments later, may not get: https://redis.io/docs/latest/develop/reference/protocol-spec/ */
const transientReplies = ["LOADING", "READONLY", "MASTERDOWN", "TRYAGAIN", "BUSY", "CLUSTERDOWN", "NOREPLICAS"];

/** What a script answered. */
export interface ScriptAnswer {
  readonly answer: unknown;
  /** Whether an earlier attempt may have run the script too: its answer was lost. */
  readonly repeated: boolean;
}

/**
 * Runs a script by its digest, and sends its source where the server does not have it. Tries again while the server
 * cannot be reached, up to a bound: scripts are written so that running one twice is harmless.
 *
 * @throws UserError STORE_UNAVAILABLE, STORE_FULL; Error where the script itself fails
 */
export async function runScript(
  redis: Redis,
  { source, sha }: Script,
  keys: readonly string[],
  args: readonly (string | number | Buffer)[],
): Promise<ScriptAnswer> {
  const deadline = performance.now() + callTimeoutMs;
  let bySource = false;
  let repeated = false;
  for (;;) {
    const remainingMs = deadline - performance.now();
    const sent = redis.status === "ready";
    try {
      const timeoutMs = Math.min(attemptTimeoutMs, remainingMs);
      const answer = bySource
        ? redis.callBuffer("EVAL", source, keys.length, ...keys, ...args)
        : redis.callBuffer("EVALSHA", sha, keys.length, ...keys, ...args);
      return { answer: await within(timeoutMs, answer), repeated };
    } catch (error) {
      const reply = replyCode(error);
      repeated ||= sent && reply === undefined;
      if (reply === "NOSCRIPT") bySource = true;
      else if (reply === "OOM") throw storeFull(error);
      else if (reply !== undefined && !transientReplies.includes(reply)) throw error;
      else if (deadline - performance.now() < retryPauseMs * 2) throw storeUnavailable(error);
      else await delay(retryPauseMs);
    }
  }
}

/** Rejects when `promise` has not settled in time; what it comes to afterwards is dropped. */
async function within<Result>(timeoutMs: number, promise: Promise<Result>): Promise<Result> {
  const timer = new AbortController();
  const timeout = delay(timeoutMs, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`no answer within ${Math.round(timeoutMs)} ms`);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    timer.abort();
    timeout.catch(() => {});
    promise.catch(() => {});
  }
}

/** The first word of an error that Redis answered with; undefined for any other failure. */
function replyCode(error: unknown): string | undefined {
  return error instanceof Error && error.name === "ReplyError" ? error.message.split(" ", 1)[0] : undefined;
}
