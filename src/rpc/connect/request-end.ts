import { Code, ConnectError, createContextKey, type HandlerContext, type Interceptor } from "@connectrpc/connect";
import type { ObservedRequest, ObserveRequest } from "../../telemetry/requests.ts";
import { type RaisedErrors, reasonOf } from "../errors.ts";

/** The longest time that a timer of Node's waits; after a longer one it would ring at once. About 25 days. */
export const maxTimerMs = 2 ** 31 - 1;
/** How long after its deadline a request that is still unanswered (its body has stalled, say) is cut off. */
const deadlineGraceMs = 1_000;

/** Cuts the request's HTTP stream off; set by the adapter. */
export const cutOffKey = createContextKey<() => void>(() => {}, { description: "cuts the request off" });

/**
 * What has ended a request before its time: set here, for the adapter, while it still reads the request's body; or by the
 * adapter, where it sees the caller go.
 */
export const endedByKey = createContextKey<{ error?: ConnectError }>({}, { description: "what ended the request" });

/** The request as the telemetry sees it, once it is watched. */
export const observedKey = createContextKey<ObservedRequest | undefined>(undefined, { description: "the request" });

/**
 * Watches a request from before its body is read to its end, however it ends: Connect aborts the context's signal, with
 * the error if there is one, before it writes the answer. This is the one place that also sees requests that cannot be
 * read, which reach neither interceptors nor handlers.
 *
 * @param callerOf who calls, once that is known
 * @throws ConnectError where the request has ended already: its deadline has passed
 */
export function watchRequest(
  context: HandlerContext,
  observe: ObserveRequest,
  callerOf: (context: HandlerContext) => string | undefined,
  errors: RaisedErrors,
): void {
  const { signal, method, service, protocolName: protocol, requestHeader, values } = context;
  const observed = observe({ method: `${service.typeName}/${method.name}`, protocol, headers: requestHeader });
  values.set(observedKey, observed);
  const end = () => {
    const endedBy = values.get(endedByKey);
    const reason: unknown = signal.reason instanceof ConnectError ? signal.reason : (endedBy.error ?? signal.reason);
    if (reason instanceof ConnectError) {
      errors.restate(reason, method);
      endedBy.error = reason;
      if (reason.code === Code.DeadlineExceeded) setTimeout(values.get(cutOffKey), deadlineGraceMs).unref();
    }
    observed.end(codeName(reason), callerOf(context), reasonOf(reason));
  };
  signal.addEventListener("abort", end, { once: true });
  if (!signal.aborted) return;
  end();
  throw signal.reason;
}

/** Does a request's work as a part of its trace. */
export const inTrace: Interceptor = (next) => (request) => {
  const observed = request.contextValues.get(observedKey);
  return observed === undefined ? next(request) : observed.run(() => next(request));
};

/** @param reason why a call ended: Connect aborts its signal without a reason, which makes it an AbortError, if all is well */
export function codeName(reason: unknown): string {
  if (reason instanceof ConnectError) return Code[reason.code] ?? String(reason.code);
  return reason === undefined || reason instanceof DOMException ? "ok" : "Internal";
}
