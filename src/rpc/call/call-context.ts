import type { Principal } from "../../credentials/principal.ts";
import type { Encoding } from "../messages/request-reader.ts";

/** What a handler knows of the call that it answers. */
export interface CallContext {
  /** Aborts when the answer does not matter any more: the caller has gone, its deadline has passed, the server ends. */
  readonly signal: AbortSignal;
  /** Who calls, as of the last check of their credentials. */
  readonly principal: Principal;
  /** Of the request and the answer. */
  readonly encoding: Encoding;
  /**
   * Counts bytes against the memory budget before the call takes them; a negative number gives them back. Nothing counts once
   * the call has closed. If there is no room, the call that holds the most is evicted.
   */
  hold(bytes: number): void;
}
