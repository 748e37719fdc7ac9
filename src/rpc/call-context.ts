import type { Caller } from "../credentials/caller.ts";

/** What a handler knows of the call that it answers. */
export interface CallContext {
  /** Aborts when the answer does not matter any more: the caller has gone, its deadline has passed, the server ends. */
  readonly signal: AbortSignal;
  readonly caller: Caller;
  /** Takes note of a failure that the operator should know of: a failing store, and what nobody foresaw. */
  report(failure: unknown): void;
}
