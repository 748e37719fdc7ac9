import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { Interceptor, Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { context, propagation } from "@opentelemetry/api";
import { ClosingSessions, closeWithCall } from "./closing-sessions.ts";
import { explainConnectionFailures } from "./connection-failures.ts";
import { explainForeignAnswers } from "./foreign-answers.ts";
import { offeringBothVersions, withHttp1Fallback, withoutBidirectionalStreams } from "./http-versions.ts";
import { withRequestChecks } from "./request-checks.ts";

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
  /**
   * `grpc` is gRPC over HTTP/2. `connect` is the Connect protocol over HTTP/1.1, for proxies that pass only that; it has no
   * bidirectional streams. Default: gRPC. On TLS, ALPN decides: Connect, if the server takes no HTTP/2.
   */
  readonly protocol?: Protocol | undefined;
}

export type Protocol = "grpc" | "connect";

/** How often to ping a silent server while calls are in progress. */
const pingIntervalMs = 30_000;
/**
 * Connections over HTTP/1.1, where each serves one call at a time. Further calls wait. An idle one is closed before servers
 * usually do, since a call that meets this fails.
 */
const http1Connections = { keepAlive: true, keepAliveMsecs: pingIntervalMs, maxSockets: 32, timeout: 4_000 } as const;

/** A transport for any service of the server: one attempt for each call, and no deadline but its own. */
export function createTransport({ server, token, tls = {}, protocol }: ConnectionOptions): Transport {
  const isTls = new URL(server).protocol === "https:";
  const pems = Object.fromEntries(Object.entries(tls).filter(([, pem]) => pem !== undefined));
  const explainFailures = explainConnectionFailures(server);
  const interceptors = (of: Protocol) => [
    ...[closeWithCall, explainForeignAnswers(of), explainFailures, traceContext],
    ...(token === undefined ? [] : [bearer(token)]),
  ];
  const grpc = (nodeOptions: ConstructorParameters<typeof ClosingSessions>[2]) => {
    const sessionManager = new ClosingSessions(server, { pingIntervalMs }, nodeOptions);
    return createGrpcTransport({ baseUrl: server, sessionManager, interceptors: interceptors("grpc") });
  };
  const connect = () => {
    const agent = isTls ? new HttpsAgent({ ...http1Connections, ...pems }) : new HttpAgent(http1Connections);
    const transport = createConnectTransport({
      baseUrl: server,
      httpVersion: "1.1",
      nodeOptions: { agent },
      // As over gRPC: the server does not compress its answers.
      acceptCompression: [],
      interceptors: interceptors("connect"),
    });
    return withoutBidirectionalStreams(transport);
  };
  const chosen = () => {
    if (protocol === "connect") return connect();
    if (protocol === "grpc" || !isTls) return grpc(pems);
    return withHttp1Fallback(grpc({ createConnection: offeringBothVersions(server, pems) }), connect());
  };
  return withRequestChecks(withWholeTimeouts(chosen()));
}

function bearer(token: string | (() => string | Promise<string>)): Interceptor {
  return (next) => async (request) => {
    request.header.set("authorization", `Bearer ${typeof token === "function" ? await token() : token}`);
    return next(request);
  };
}

/** Sends the trace context of a call if the program has set up OpenTelemetry. */
const traceContext: Interceptor = (next) => (request) => {
  propagation.inject(context.active(), request.header, { set: (headers, name, value) => headers.set(name, value) });
  return next(request);
};

/** Rounds deadlines up to whole milliseconds, the finest unit of a deadline in Connect. */
function withWholeTimeouts({ unary, stream }: Transport): Transport {
  const whole = (timeoutMs: number | undefined) => timeoutMs && Math.ceil(timeoutMs);
  return {
    unary: (method, signal, timeoutMs, ...call) => unary(method, signal, whole(timeoutMs), ...call),
    stream: (method, signal, timeoutMs, ...call) => stream(method, signal, whole(timeoutMs), ...call),
  };
}
