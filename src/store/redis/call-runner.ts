import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { storeFull, storeUnavailable } from "../../users/errors.ts";
import {
  isForbidden,
  NotSentError,
  replyCode,
  SlotMovingError,
  StaleConfigurationError,
  UnansweredError,
} from "./failures.ts";
import type { RedisCall, ScriptCall } from "./script.ts";
import type { RedisNode } from "./servers/node.ts";
import type { Servers } from "./servers/servers.ts";

/** How long a call may be sent again. The last attempt has its own time limit. */
const sendWithinMs = 1_000;
/** The pause between two attempts. */
const retryPauseMs = 20;
/** A timer may fire up to a millisecond early. */
const timerSlackMs = 2;
/** After so many redirections in a row, there is a pause. */
const maxRedirections = 5;

/** Error replies after which a retry may succeed: https://redis.io/docs/latest/develop/reference/protocol-spec/ */
const transientReplies = [
  "LOADING",
  "READONLY",
  "MASTERDOWN",
  "TRYAGAIN",
  "BUSY",
  "CLUSTERDOWN",
  "NOREPLICAS",
  "MISCONF",
  "UNBLOCKED",
  "NOAUTH",
  "EXPIRED",
];

export interface Answer {
  readonly reply: unknown;
  /** Whether an earlier attempt may have been applied: its answer was lost, or too few replicas had it. */
  readonly repeated: boolean;
}

/** Runs a script, as `runCall` does. @returns its bytes, and whether an earlier attempt may have been applied */
export async function runScript(
  servers: Servers,
  partition: number,
  call: ScriptCall,
): Promise<{ readonly bytes: Buffer; readonly repeated: boolean }> {
  const { reply, repeated } = await runCall(servers, partition, call);
  if (!Buffer.isBuffer(reply)) throw new TypeError("a script answered with something else than bytes");
  return { bytes: reply, repeated };
}

/**
 * Makes a call to the server of a partition. Follows redirections, and retries failures until a deadline, because calls
 * are idempotent. Once it settles, no attempt can be applied any more.
 *
 * @throws UserError STORE_UNAVAILABLE, STORE_FULL; SlotMovingError for a call with several keys; StaleConfigurationError; Error if
 * the call itself fails
 */
export async function runCall(servers: Servers, partition: number, call: RedisCall): Promise<Answer> {
  const sendBy = performance.now() + sendWithinMs;
  let repeated = false;
  let named: { node: RedisNode; asking: boolean } | undefined;
  let redirections = 0;
  for (;;) {
    let node = named?.node;
    const asking = named?.asking ?? false;
    named = undefined;
    let failure: unknown;
    try {
      node ??= servers.nodeOf(partition);
      return { reply: await node.run(call, asking, sendBy), repeated };
    } catch (error) {
      failure = error;
    }
    const reply = replyCode(failure);
    if (node !== undefined && failure instanceof Error && (reply === "MOVED" || reply === "ASK")) {
      try {
        named = { node: servers.redirected(partition, failure.message, node), asking: reply === "ASK" };
        if (++redirections % maxRedirections !== 0) continue;
      } catch (error) {
        if (!(error instanceof NotSentError)) throw error;
        failure = error;
      }
    } else if (reply === "OOM") throw repeated ? storeUnavailable(failure) : storeFull(failure);
    else if (reply === "TRYAGAIN" && new Set(call.keys).size > 1) throw new SlotMovingError(repeated);
    else if (reply === "STALE") throw new StaleConfigurationError(repeated);
    else if (reply === "EXPIRED") node?.forgetClock();
    else if (failure instanceof UnansweredError) {
      repeated = true;
      if (call.writes) await delay(Math.max(0, failure.overAt - performance.now()) + timerSlackMs);
    } else if (!(failure instanceof NotSentError || isForbidden(failure)) && !transientReplies.includes(reply ?? "")) {
      throw failure;
    }
    if (performance.now() + retryPauseMs > sendBy) throw storeUnavailable(failure);
    if (named === undefined) servers.refresh();
    await delay(retryPauseMs);
  }
}
