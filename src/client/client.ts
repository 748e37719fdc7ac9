import { type Client, createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { context, propagation } from "@opentelemetry/api";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { systemTiming, type Timing } from "./backoff.ts";
import { ClosingSessions, closeWithCall } from "./closing-sessions.ts";
import { explainConnectionFailures } from "./connection-failures.ts";
import { explainForeignAnswers } from "./foreign-answers.ts";
import { withRequestChecks } from "./request-checks.ts";
import { defaultRetries, type RetryOptions, withRetries } from "./retries.ts";
import { withTypedErrors } from "./typed-errors.ts";

export type RollcallClient = Client<typeof UserService>;

export interface ConnectionOptions {
  /** The server's URL, such as `http://127.0.0.1:50051`. */
  readonly server: string;
  /** The bearer token to send with each call. A function is called for each attempt, so that tokens can change. */
  readonly token?: string | (() => string | Promise<string>) | undefined;
  /** For servers with TLS; all in PEM. */
  readonly tls?:
    | {
        /** The authority that signs the server's certificate. Default: the system's authorities. */
        readonly ca?: string | Buffer | undefined;
        /** The client certificate, and its key. */
        readonly cert?: string | Buffer | undefined;
        readonly key?: string | Buffer | undefined;
      }
    | undefined;
}

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
/** How often to ping a silent server while calls are in progress. */
const pingIntervalMs = 30_000;

/**
 * A client of UserService over gRPC, on one connection that it opens when needed and reopens when lost. Failed calls reject
 * with RollcallError.
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

/** Sends the trace context of a call if the program has set up OpenTelemetry. */
const traceContext: Interceptor = (next) => (request) => {
  propagation.inject(context.active(), request.header, { set: (headers, name, value) => headers.set(name, value) });
  return next(request);
};

/** A gRPC transport for any service of the server: one attempt for each call, and no deadline but its own. */
export function createTransport({ server, token, tls = {} }: ConnectionOptions): Transport {
  const bearer: Interceptor = (next) => async (request) => {
    request.header.set("authorization", `Bearer ${typeof token === "function" ? await token() : token}`);
    return next(request);
  };
  const nodeOptions = Object.fromEntries(Object.entries(tls).filter(([, pem]) => pem !== undefined));
  const transport = createGrpcTransport({
    baseUrl: server,
    sessionManager: new ClosingSessions(server, { pingIntervalMs }, nodeOptions),
    interceptors: [
      ...[closeWithCall, explainForeignAnswers, explainConnectionFailures(server), traceContext],
      ...(token === undefined ? [] : [bearer]),
    ],
  });
  return withRequestChecks(withWholeTimeouts(transport));
}

/** Rounds deadlines up to whole milliseconds, the finest unit of `grpc-timeout` in Connect. */
function withWholeTimeouts({ unary, stream }: Transport): Transport {
  const whole = (timeoutMs: number | undefined) => timeoutMs && Math.ceil(timeoutMs);
  return {
    unary: (method, signal, timeoutMs, ...call) => unary(method, signal, whole(timeoutMs), ...call),
    stream: (method, signal, timeoutMs, ...call) => stream(method, signal, whole(timeoutMs), ...call),
  };
}
