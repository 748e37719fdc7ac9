import { Code } from "@connectrpc/connect";
import { backoffMs, systemTiming, type Timing } from "../../client/backoff.ts";
import { isTransient, type RollcallError, rollcallErrorOf } from "../../client/errors.ts";
import { defaultRetries } from "../../client/retries.ts";
import type { Attempts } from "../call.ts";
import { callFailure, failureText } from "../call-failure.ts";
import { CliError } from "../cli-error.ts";
import { waitingNotice } from "../terminal/waiting.ts";

export interface PatienceOptions {
  /** The server's URL. */
  readonly server: string;
  /** How long a call is retried after its first failure; 0 for not at all. */
  readonly maxDownSeconds: number;
  /** Called with a line when waiting begins, and with one when it ends. */
  readonly say: (line: string) => void;
}

/**
 * Retries calls that change nothing while the server, its store or the connection is away. Does not wait for a server that has
 * never answered.
 *
 * @throws CliError when it gives up; any other failure of a call unchanged
 */
export function patiently(options: PatienceOptions, { now, random, wait }: Timing = systemTiming): Attempts {
  const { server, maxDownSeconds } = options;
  const notice = waitingNotice(options.say);
  let hasAnswered = false;
  return async (attempt) => {
    let downSince: number | undefined;
    for (let failures = 1; ; failures++) {
      try {
        const answer = await attempt();
        hasAnswered = true;
        notice.ends();
        return answer;
      } catch (failure) {
        const error = rollcallErrorOf(failure);
        downSince ??= now();
        if (!hasAnswered || !mayPass(error)) throw failure;
        const delayMs = backoffMs(defaultRetries, failures, error.retryDelayMs ?? 0, random);
        if (now() + delayMs - downSince >= maxDownSeconds * 1_000) {
          const { message, details } = callFailure(error, server);
          throw new CliError(`gave up after --max-down ${maxDownSeconds} seconds: ${message}`, 1, details);
        }
        notice.begins(`waiting for ${server}: ${failureText(error)}`);
        await wait(delayMs, undefined);
      }
    }
  };
}

/** A call without an answer in time met a server that hangs, or a lost connection. */
function mayPass(error: RollcallError): boolean {
  return isTransient(error) || error.code === Code.DeadlineExceeded;
}
