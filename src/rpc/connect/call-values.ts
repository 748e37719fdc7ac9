/** The call that a handler of Connect's answers. */
import { createContextKey, type HandlerContext } from "@connectrpc/connect";
import type { Call } from "../call/call.ts";
import { toConnectError } from "../errors.ts";

export const callKey = createContextKey<Call | undefined>(undefined, { description: "the call" });

/** Whether the gate has been asked. */
export const isAskedKey = createContextKey(false, { description: "whether the gate was asked" });

export function callOf({ values }: Pick<HandlerContext, "values">): Call {
  const call = values.get(callKey);
  if (call === undefined) throw new Error("a handler of Connect's was called without a call");
  return call;
}

/**
 * Asks whether the caller may call the method, and follows the handler to its end from here on: Connect aborts the context's
 * signal, with the error if there is one, before it writes the answer. No other place sees the errors of requests that cannot
 * be read.
 *
 * @throws ConnectError
 */
export async function askGate(context: HandlerContext): Promise<void> {
  const { signal, values } = context;
  const call = callOf(context);
  values.set(isAskedKey, true);
  const onEnd = () => {
    const { reason } = signal;
    // Connect aborts without an error, which makes it an AbortError, if all is well.
    call.end(reason instanceof DOMException ? undefined : toConnectError(reason, call));
  };
  signal.addEventListener("abort", onEnd, { once: true });
  signal.throwIfAborted();
  try {
    await call.environment.gate.admit(call);
  } catch (failure) {
    throw toConnectError(failure, call);
  }
}
