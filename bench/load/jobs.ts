/** What the load process is asked to do, and what it answers. */

/** Calls of one method, one user each, for a time. */
export interface UnaryJob {
  readonly kind: "unary";
  readonly port: number;
  readonly method: "Identify" | "GetUser";
  readonly connections: number;
  /** Calls under way on each connection. */
  readonly inFlight: number;
  /** So many calls a second, whenever the answers come; without it, the next call is sent when one is answered. */
  readonly perSecond?: number | undefined;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  /** Users are drawn from the first so many. */
  readonly users: number;
  readonly seed: number;
}

/** Streams of BatchIdentify that send users `from` to `to` once. */
export interface BatchJob {
  readonly kind: "batch";
  readonly port: number;
  /** Each with a stream of its own. */
  readonly connections: number;
  readonly perMessage: number;
  /** Messages that may be unanswered on each stream. */
  readonly messagesInFlight: number;
  readonly from: number;
  readonly to: number;
  /** The value of the property that changes. */
  readonly value: number;
  /** Of each user; without it, eight of several kinds. */
  readonly properties?: number;
}

export type Job = UnaryJob | BatchJob;

export interface UnaryResult {
  readonly calls: number;
  readonly failures: number;
  readonly seconds: number;
  /** In milliseconds; of an open load from when the call was due. */
  readonly p50: number;
  readonly p99: number;
  /** Of the calls that were due in these seconds, also where their answers came after them. */
  readonly due: {
    /** In milliseconds. */
    readonly p99: number;
    readonly worst: number;
    /** Those that failed after these seconds, or had no answer half a minute later. */
    readonly unanswered: number;
  };
  /** CPU time of the load process itself, in seconds. */
  readonly cpuSeconds: number;
}

export interface BatchResult {
  readonly users: number;
  readonly seconds: number;
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly failed: number;
  readonly cpuSeconds: number;
}

/** From the load process: what is measured begins, and its result. */
export type Report = { readonly begins: true } | { readonly result: UnaryResult | BatchResult };
