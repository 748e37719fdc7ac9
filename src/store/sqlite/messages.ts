/** The messages between the database's thread and its owner. Buffers are transferred, not copied. */
import type { ReserveState } from "./reserve.ts";

/** What is asked besides users: see searches.ts. */
export type SearchVerb = "entries" | "countEntries" | "count" | "progress";

export type Verb = "write" | "get" | "list" | SearchVerb | "check" | "sweep" | "close";

export interface Request {
  readonly call: number;
  readonly verb: Verb;
  /** See ../packed/packed.ts and searches.ts. Empty for check, sweep and close. */
  readonly packed: Uint8Array<ArrayBuffer>;
}

/**
 * `call` is -1 for the answer to opening the database. A failure is `full` if there is no room, `corrupt` if the file is
 * damaged, `database` for any other failure of SQLite, and `unexpected` for the rest. Only with `database`, something may
 * have been written.
 */
export type Response =
  | { readonly call: number; readonly packed: Uint8Array<ArrayBuffer> }
  | {
      readonly call: number;
      readonly failure: "full" | "corrupt" | "database" | "unexpected";
      readonly message: string;
    };

/** Sent unasked: whether the reserve is there, or why it cannot be made. */
export interface ReserveNotice {
  readonly reserve: ReserveState;
  readonly reason: string | undefined;
}

/** Sent unasked: the store's configuration, as JSON, at first and after each change. */
interface ConfigurationNotice {
  readonly configuration: string;
}

/** Sent unasked: how many broken seals a call has found and mended. */
interface BrokenSealsNotice {
  readonly brokenSeals: number;
}

/** Sent unasked: how many values a call has written that are too long for their indexes. */
interface TooLongNotice {
  readonly tooLong: number;
}

export type Notice = ReserveNotice | ConfigurationNotice | BrokenSealsNotice | TooLongNotice;

export interface WorkerData {
  /** The database file. */
  readonly path: string;
  /** Whether to make it if it is not there. */
  readonly mayCreate: boolean;
  /** The size of the reserve beside it. */
  readonly reserveBytes: number;
}

/** The answer to `progress` once everything is done. */
export const wholeProgress = 1_000_000;
