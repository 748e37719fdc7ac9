import { Code, ConnectError, createContextKey, type HandlerContext } from "@connectrpc/connect";
import { restate } from "./errors.ts";

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

/** One finished request, without anything of its content. */
export interface RequestEnd {
  /** `rollcall.v1.UserService/Identify` */
  readonly method: string;
  /** `grpc`, `grpc-web` or `connect`. */
  readonly protocol: string;
  /** `ok`, or the status code's name, as `invalid_argument`. */
  readonly code: string;
  readonly durationMs: number;
}

/**
 * Watches a request from before its body is read to its end, however it ends: Connect aborts the context's signal, with
 * the error if there is one, before it writes the answer. This is the one place that also sees requests that cannot be
 * read, which reach neither interceptors nor handlers.
 *
 * @throws ConnectError where the request has ended already: its deadline has passed
 */
export function watchRequest(context: HandlerContext, onEnd: (end: RequestEnd) => void): void {
  const start = performance.now();
  const { signal, method, service, protocolName: protocol, values } = context;
  const end = () => {
    const endedBy = values.get(endedByKey);
    const reason: unknown = signal.reason instanceof ConnectError ? signal.reason : (endedBy.error ?? signal.reason);
    if (reason instanceof ConnectError) {
      restate(reason, method.input);
      endedBy.error = reason;
      if (reason.code === Code.DeadlineExceeded) setTimeout(values.get(cutOffKey), deadlineGraceMs).unref();
    }
    const durationMs = Math.round((performance.now() - start) * 1_000) / 1_000;
    onEnd({ method: `${service.typeName}/${method.name}`, protocol, code: codeName(reason), durationMs });
  };
  signal.addEventListener("abort", end, { once: true });
  if (!signal.aborted) return;
  end();
  throw signal.reason;
}

/** @param reason why a call ended: Connect aborts its signal without a reason, which makes it an AbortError, if all is well */
export function codeName(reason: unknown): string {
  if (reason instanceof ConnectError) return Code[reason.code] ?? String(reason.code);
  return reason === undefined || reason instanceof DOMException ? "ok" : "Internal";
}
