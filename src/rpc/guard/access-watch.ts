import { whenAborted } from "../../users/when-aborted.ts";
import type { CallContext } from "../call-context.ts";

/** Watches over a stream's credentials, which may be revoked or expire while it is open. */
export interface AccessWatch {
  /** Aborts, with the error that the stream ends with, once its caller may not go on; or when the server ends it. */
  readonly stop: AbortSignal;
  /** Called when the stream is over. */
  end(): void;
}

/**
 * @param intervalMs from one check of the credentials to the next
 * @param stop ends the stream for other causes
 */
export function watchAccess(call: Pick<CallContext, "recheck">, intervalMs: number, stop: AbortSignal): AccessWatch {
  const over = new AbortController();
  const unlink = whenAborted(stop, (reason) => over.abort(reason));
  if (stop.aborted) over.abort(stop.reason);
  let timer: NodeJS.Timeout | undefined;
  const check = () =>
    call.recheck().then(
      () => void timer?.refresh(),
      (error: unknown) => over.abort(error),
    );
  timer = setTimeout(check, intervalMs).unref();
  return {
    stop: over.signal,
    end() {
      clearTimeout(timer);
      timer = undefined;
      unlink();
    },
  };
}
