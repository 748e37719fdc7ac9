import { whenAborted } from "../../users/when-aborted.ts";
import { toConnectError } from "../errors.ts";
import type { Admission } from "./admission.ts";
import type { AskingCall, Gate } from "./gate.ts";

export interface WorkOptions {
  readonly gate: Gate;
  readonly admission: Admission;
  /** How often the credentials of an open call are checked again. */
  readonly recheckMs: number;
  /** Aborts, with the error that streams end with, when the server begins to drain. */
  readonly draining: AbortSignal;
}

/** A call whose work is guarded. */
export interface WorkingCall extends AskingCall {
  /** By `performance.now()`. */
  readonly startedAt: number;
  report(failure: unknown): void;
}

/** Guards the work of calls: there is room for it, and its caller's credentials still hold. */
export class Work {
  readonly #options: WorkOptions;

  constructor(options: WorkOptions) {
    this.#options = options;
  }

  /**
   * Does the work of a unary call once all of its request is there.
   *
   * @throws ConnectError
   */
  async unary<Answer>(call: WorkingCall, run: () => Answer | Promise<Answer>): Promise<Answer> {
    const { gate, admission, recheckMs } = this.#options;
    try {
      // Its request may have come a byte at a time, and its credentials may have been revoked meanwhile.
      if (performance.now() - call.startedAt >= recheckMs) await gate.recheck(call);
      admission.enter("unary");
      try {
        return await run();
      } finally {
        admission.leave("unary");
      }
    } catch (error) {
      throw toConnectError(error, call);
    }
  }

  /**
   * Does the work of a stream of UserService.
   *
   * @param run is given a signal that aborts, with the error that the stream is to end with, once no more requests are taken
   * @throws ConnectError
   */
  async *stream<Answer>(call: WorkingCall, run: (stop: AbortSignal) => AsyncIterable<Answer>): AsyncGenerator<Answer> {
    const { admission } = this.#options;
    try {
      admission.enter("stream");
      try {
        yield* this.watched(call, run);
      } finally {
        admission.leave("stream");
      }
    } catch (error) {
      throw toConnectError(error, call);
    }
  }

  /** The same, for a stream of a service that is open to all and needs no room. */
  async *watched<Answer>(call: WorkingCall, run: (stop: AbortSignal) => AsyncIterable<Answer>): AsyncGenerator<Answer> {
    const { gate, recheckMs, draining } = this.#options;
    const stop = new AbortController();
    const unlink = whenAborted(draining, (reason) => stop.abort(reason));
    if (draining.aborted) stop.abort(draining.reason);
    let timer: NodeJS.Timeout | undefined;
    const check = () =>
      gate.recheck(call).then(
        () => void timer?.refresh(),
        (error: unknown) => stop.abort(toConnectError(error, call)),
      );
    timer = setTimeout(check, recheckMs).unref();
    try {
      yield* run(stop.signal);
    } finally {
      clearTimeout(timer);
      timer = undefined;
      unlink();
    }
  }
}
