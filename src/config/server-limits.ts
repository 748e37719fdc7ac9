const mebibyte = 1024 * 1024;

/** What a process takes on at one time. Beyond it, calls are refused with OVERLOADED, and connections closed. */
export interface ServerLimits {
  readonly maxConnections: number;
  /** After about so long, an HTTP/2 connection is told to go away once its calls have ended; Infinity for never. */
  readonly maxConnectionAgeMs: number;
  /** Unary calls that are served. */
  readonly maxCalls: number;
  /** Streams that are open. */
  readonly maxStreams: number;
  /** Unary calls whose requests are not all there yet. For one more, the oldest is ended. */
  readonly maxArriving: number;
  /** Requests to the services that anybody may call: health and reflection. For one more, the oldest is ended. */
  readonly maxOpenRequests: number;
  /** Bytes of requests that are coming in and of answers that are going out; of those, the largest have to go. */
  readonly maxHeldBytes: number;
  /** Bytes that messages of BatchIdentify take while they are worked on; more of them wait. */
  readonly maxBatchWorkBytes: number;
  /** Bytes that answers of BatchGetUsers and ListUsers take while they are read; more of them wait. */
  readonly maxReadBytes: number;
  /** How long nothing may move on a stream, or on an HTTP/1.1 connection. */
  readonly stallTimeoutMs: number;
  /** How often the credentials of an open stream are checked again, and after how long those of a call whose request is late. */
  readonly recheckMs: number;
  /** Bytes of requests that wait for the store, for each of writing, reading and listing. */
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
