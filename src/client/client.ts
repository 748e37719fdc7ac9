import { type Client, createClient, type Transport } from "@connectrpc/connect";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { systemTiming, type Timing } from "./backoff.ts";
import { defaultRetries, type RetryOptions, withRetries } from "./retries.ts";
import { type ConnectionOptions, createTransport } from "./transport.ts";
import { withTypedErrors } from "./typed-errors.ts";

export type RollcallClient = Client<typeof UserService>;

export interface ClientOptions extends ConnectionOptions {
  /**
   * The deadline of a unary call, over all its attempts. A call's own `timeoutMs` overrides it; 0 is no deadline. Streams
   * only have deadlines of their own. Default: 10 seconds.
   */
  readonly timeoutMs?: number | undefined;
  /** How to retry unary calls after transient failures; false: not at all. */
  readonly retries?: Partial<RetryOptions> | false | undefined;
}

const defaultTimeoutMs = 10_000;

/**
 * A client of UserService over gRPC, on one connection that it opens when needed and reopens when lost. `protocol` tells when
 * it calls over HTTP/1.1 instead, where each call in progress has a connection. Failed calls reject with RollcallError.
 */
export function createRollcallClient(options: string | ClientOptions, timing: Timing = systemTiming): RollcallClient {
  const { timeoutMs, retries, ...connection } = typeof options === "string" ? { server: options } : options;
  const typed = withTypedErrors(createTransport(connection));
  const retrying = retries === false ? typed : withRetries(typed, { ...defaultRetries, ...retries }, timing);
  return createClient(UserService, withTimeout(retrying, timeoutMs ?? defaultTimeoutMs));
}

function withTimeout(transport: Transport, defaultMs: number): Transport {
  return {
    unary: (method, signal, timeoutMs = defaultMs, ...call) => transport.unary(method, signal, timeoutMs, ...call),
    stream: (...call) => transport.stream(...call),
  };
}
