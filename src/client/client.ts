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
  /** The server's URL, as `http://127.0.0.1:50051`. */
  readonly server: string;
  /** Who the caller is: sent as a bearer token with each call. A function is asked anew for each attempt at one. */
  readonly token?: string | (() => string | Promise<string>) | undefined;
  /** For servers over TLS, in PEM. */
  readonly tls?:
    | {
        /** Who signs the server's certificate, in place of the system's authorities. */
        readonly ca?: string | Buffer | undefined;
        /** The certificate to show, and its key. */
        readonly cert?: string | Buffer | undefined;
        readonly key?: string | Buffer | undefined;
      }
    | undefined;
}

export interface ClientOptions extends ConnectionOptions {
  /**
   * How long a unary call may take, with all its attempts, unless it says otherwise by its own `timeoutMs` (0: any time).
   * Streams have no deadline but their own. Default: 10 seconds.
   */
  readonly timeoutMs?: number | undefined;
  /** How unary calls are made again that fail for the time being; false: not at all. */
  readonly retries?: Partial<RetryOptions> | false | undefined;
}

const defaultTimeoutMs = 10_000;
/** How often the other end of a connection with calls under way is asked whether it is there, where it sends nothing. */
const pingIntervalMs = 30_000;

/**
 * A client of UserService over gRPC, on one connection, which it opens when it is needed and opens again when it is lost.
 * Its calls fail with RollcallError.
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

/** Tells the server which trace a call is a part of, where its caller has set up OpenTelemetry. */
const traceContext: Interceptor = (next) => (request) => {
  propagation.inject(context.active(), request.header, { set: (headers, name, value) => headers.set(name, value) });
  return next(request);
};

/** gRPC to a server, for any of its services: every call one attempt, with the deadline that it brings. */
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

/** What is left of a deadline is often a fraction of a millisecond more, of which `grpc-timeout` cannot tell. */
function withWholeTimeouts({ unary, stream }: Transport): Transport {
  const whole = (timeoutMs: number | undefined) => timeoutMs && Math.ceil(timeoutMs);
  return {
    unary: (method, signal, timeoutMs, ...call) => unary(method, signal, whole(timeoutMs), ...call),
    stream: (method, signal, timeoutMs, ...call) => stream(method, signal, whole(timeoutMs), ...call),
  };
}
