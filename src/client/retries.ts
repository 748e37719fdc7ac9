import type { DescMethod } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel as IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { Code, createContextKey, type Transport } from "@connectrpc/connect";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { type Backoff, backoffMs, systemTiming, type Timing } from "./backoff.ts";
import { canceledBy, failureOfCall, isTransient, type RollcallError } from "./errors.ts";

export interface RetryOptions extends Backoff {
  /** Attempts at one call, including the first. */
  readonly maxAttempts: number;
}

export const defaultRetries: RetryOptions = { maxAttempts: 4, baseDelayMs: 100, maxDelayMs: 5_000 };

/** False for a call whose caller repeats it after failures. */
export const isRetried = createContextKey(true, { description: "whether the client retries the call" });

/**
 * Retries idempotent unary calls after UNAVAILABLE, and after RESOURCE_EXHAUSTED if the server invites a retry. All attempts
 * share the call's deadline and signal. If the next one would begin after the deadline, the call fails with the last error.
 *
 * A retried write can meet the effect of its own first attempt: the etag has changed, the user exists or is gone. Such a
 * call fails with the error before the retry, since it is unknown whether the write was applied.
 */
export function withRetries(
  transport: Transport,
  { maxAttempts, ...backoff }: RetryOptions,
  { now, random, wait }: Timing = systemTiming,
): Transport {
  return {
    async unary(method, signal, timeoutMs, header, message, contextValues) {
      const hasDeadline = timeoutMs !== undefined && timeoutMs > 0;
      const deadline = hasDeadline ? now() + timeoutMs : Number.POSITIVE_INFINITY;
      let leftMs = timeoutMs;
      let inDoubt: RollcallError | undefined;
      for (let attempt = 1; ; attempt++) {
        try {
          return await transport.unary(method, signal, leftMs, header, message, contextValues);
        } catch (failure) {
          const error = failureOfCall(failure, signal);
          if (inDoubt !== undefined && mayBeOwnEffect(method, error)) throw inDoubt;
          if (attempt >= maxAttempts || contextValues?.get(isRetried) === false) throw error;
          if (!isTransient(error) || !isRetryable(method)) throw error;
          if (error.code === Code.Unavailable) inDoubt = error;
          const delayMs = backoffMs(backoff, attempt, error.retryDelayMs ?? 0, random);
          if (now() + delayMs >= deadline) throw error;
          await wait(delayMs, signal).catch((stopped: unknown) => {
            throw signal?.aborted === true ? canceledBy(signal) : stopped;
          });
          if (hasDeadline) leftMs = Math.max(1, deadline - now());
        }
      }
    },
    stream: (...call) => transport.stream(...call),
  };
}

function isRetryable({ idempotency }: DescMethod): boolean {
  return idempotency === IdempotencyLevel.IDEMPOTENT || idempotency === IdempotencyLevel.NO_SIDE_EFFECTS;
}

function mayBeOwnEffect(method: DescMethod, { code }: RollcallError): boolean {
  if (method.idempotency !== IdempotencyLevel.IDEMPOTENT) return false;
  if (code === Code.NotFound) return method.name === UserService.method.deleteUser.name;
  return code === Code.Aborted || code === Code.AlreadyExists;
}
