const mebibyte = 1024 * 1024;

/** The limits of a process. Beyond them, calls are refused with OVERLOADED, and connections are closed. */
export interface ServerLimits {
  readonly maxConnections: number;
  /** Age at which an HTTP/2 connection is told to go away once its calls have ended; Infinity for never. */
  readonly maxConnectionAgeMs: number;
  /** Unary calls in progress. */
  readonly maxCalls: number;
  /** Open streams. */
  readonly maxStreams: number;
  /** Unary calls whose requests are still arriving. One more evicts the oldest. */
  readonly maxArriving: number;
  /** Requests to the services that are open to all: health and reflection. One more evicts the oldest. */
  readonly maxOpenRequests: number;
  /** Memory budget for requests coming in and answers going out. Beyond it, the largest are ended. */
  readonly maxHeldBytes: number;
  /** Memory for messages of BatchIdentify and IdentifyUsers in progress. Further messages wait. */
  readonly maxBatchWorkBytes: number;
  /** Memory for answers of BatchGetUsers and ListUsers while they are read. Further ones wait. */
  readonly maxReadBytes: number;
  /** How long a stream or an HTTP/1.1 connection may stall. */
  readonly stallTimeoutMs: number;
  /** How often an open stream's credentials are checked again, and how late a request has to arrive to be checked again. */
  readonly recheckMs: number;
  /** Bytes of requests that wait for the store: a limit each for writing, reading and listing. */
  readonly maxWaitingBytes: number;
}

export const defaultServerLimits: ServerLimits = {
  maxConnections: 10_000,
  maxConnectionAgeMs: 30 * 60_000,
  maxCalls: 1_000,
  maxStreams: 256,
  maxArriving: 4_096,
  maxOpenRequests: 512,
  maxHeldBytes: 64 * mebibyte,
  maxBatchWorkBytes: 32 * mebibyte,
  maxReadBytes: 48 * mebibyte,
  stallTimeoutMs: 5 * 60_000,
  recheckMs: 30_000,
  maxWaitingBytes: 64 * mebibyte,
};
