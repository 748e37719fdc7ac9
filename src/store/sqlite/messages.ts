/** What the store's thread and its owner say to one another. Buffers are transferred, not copied. */
import type { ReserveState } from "./reserve.ts";

export type Verb = "write" | "get" | "list" | "check" | "close";

export interface Request {
  readonly call: number;
  readonly verb: Verb;
  /** Packed: see ../packed.ts. Empty for check and close. */
  readonly packed: Uint8Array<ArrayBuffer>;
}

/**
 * `call` is -1 for the answer to opening the database. A failure is `full` where there is no room, `corrupt` where
 * the file is damaged, `database` for any other that SQLite reports, `unexpected` for the rest. Nothing was written but
 * perhaps where it is `database`.
 */
export type Response =
  | { readonly call: number; readonly packed: Uint8Array<ArrayBuffer> }
  | {
      readonly call: number;
      readonly failure: "full" | "corrupt" | "database" | "unexpected";
      readonly message: string;
    };

/** Told by itself: whether the reserve is there, and why not where it cannot be made. */
export interface ReserveNotice {
  readonly reserve: ReserveState;
  readonly reason: string | undefined;
}

export interface WorkerData {
  /** The database file. */
  readonly path: string;
  /** Whether to make it if it is not there. */
  readonly mayCreate: boolean;
  /** Of the reserve beside it. */
  readonly reserveBytes: number;
}
