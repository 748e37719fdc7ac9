/** The jobs of the load process, and their results. */

/** Calls one method, with one user a call, for some seconds. */
export interface UnaryJob {
  readonly kind: "unary";
  /** Whether calls carry a header that makes the server serve them through Connect. Nothing is compressed. */
  readonly throughConnect?: boolean;
  /** A file in PEM with the authority of the server's certificate; without it, calls go in clear text. */
  readonly ca?: string | undefined;
  readonly port: number;
  readonly method: "Identify" | "GetUser" | "FindUsers";
  readonly connections: number;
  /** Calls under way on each connection. */
  readonly inFlight: number;
  /** Calls a second, whether or not they are answered. Without it, each answer starts the next call. */
  readonly perSecond?: number | undefined;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  /** Users are drawn at random from the first `users`. */
  readonly users: number;
  readonly seed: number;
}

/** Streams of BatchIdentify that send users `from` to `to` once. */
export interface BatchJob {
  readonly kind: "batch";
  /** As in `UnaryJob`. */
  readonly throughConnect?: boolean;
  readonly port: number;
  /** Each has one stream. */
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
  /** In milliseconds. With `perSecond`, counted from when the call was due. */
  readonly p50: number;
  readonly p99: number;
  /** Of the calls that were due in the measured seconds, including those answered later. */
  readonly due: {
    /** In milliseconds. */
    readonly p99: number;
    readonly worst: number;
    /** Calls that failed after the measured seconds, or had no answer half a minute later. */
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

/** What the load process reports: that measuring begins, and the result. */
export type Report = { readonly begins: true } | { readonly result: UnaryResult | BatchResult };
