import type { Principal } from "../credentials/principal.ts";

/** What a handler knows of the call that it answers. */
export interface CallContext {
  /** Aborts when the answer does not matter any more: the caller has gone, its deadline has passed, the server ends. */
  readonly signal: AbortSignal;
  /** As they were when their credentials were last checked. */
  readonly caller: Principal;
  /** When its credentials were first checked, or before, as `performance.now()` has it. */
  readonly admittedAt: number;
  /**
   * Checks the caller's credentials again: while a stream is open, and once a request that took long is there.
   *
   * @throws ConnectError UNAUTHENTICATED, PERMISSION_DENIED, UNAVAILABLE
   */
  recheck(): Promise<void>;
  /**
   * Counts bytes of memory against the memory budget, or fewer where negative, before they are taken for the call: the rest is
   * given back when the call is over. Where there is no room, the call that holds the most is ended.
   */
  hold(bytes: number): void;
  /** Takes note of a failure that the operator should know of: a failing store, and what nobody foresaw. */
  report(failure: unknown): void;
}
