/** Serves any methods on a port: joins the gate, the memory budget, both handlers and the listener. */
import type { Address } from "../config/address.ts";
import type { ServerLimits } from "../config/server-limits.ts";
import type { TrustedProxies } from "../config/trusted-proxies.ts";
import type { Call } from "../rpc/call/call.ts";
import { withCors } from "../rpc/connect/cors.ts";
import { type ConnectHandlerOptions, createConnectHandler } from "../rpc/connect/handler.ts";
import { describeError } from "../rpc/errors.ts";
import { createGrpcHandler, type GrpcMethod } from "../rpc/grpc/handler.ts";
import { Admission } from "../rpc/guard/admission.ts";
import { EvictionQueue } from "../rpc/guard/eviction.ts";
import { Gate } from "../rpc/guard/gate.ts";
import { MemoryBudget } from "../rpc/guard/memory-budget.ts";
import { OpenRequests } from "../rpc/guard/open-requests.ts";
import type { Turns } from "../rpc/guard/turns.ts";
import { Work } from "../rpc/guard/work.ts";
import type { RaisedErrors } from "../rpc/restated-errors.ts";
import { createFailureLog } from "../telemetry/failure-log.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { onceASecond } from "../telemetry/quiet.ts";
import type { ObserveRequest } from "../telemetry/requests.ts";
import { listen } from "../transport/listener.ts";
import { draining as drainingError } from "../users/errors.ts";
import type { Access } from "./access.ts";
import { settledWithin } from "./settled-within.ts";

export interface RpcServerOptions extends Pick<ConnectHandlerOptions, "binaryRoutes" | "jsonRoutes" | "methods"> {
  readonly listen: Address;
  /** For gRPC without compression. The routes have them too, for all else. */
  readonly grpcMethods: readonly GrpcMethod[];
  /** Without it, clear text for all. It stays open for whoever opened it to close. */
  readonly access: Access | undefined;
  /** Shares out each turn of the event loop among messages that are decoded. */
  readonly turns: Turns;
  /** Whether reflection is open to all callers. */
  readonly reflectionIsOpen: boolean;
  /** Aborts, with the error that streams end with, when the server begins to drain. */
  readonly draining: AbortSignal;
  readonly errors: RaisedErrors;
  readonly limits: ServerLimits;
  /** Addresses from which connections never wait, whatever harm has come from there. */
  readonly trustedProxies?: TrustedProxies | undefined;
  /** Which HTTP/2 serves. */
  readonly http2?: "own" | "node" | undefined;
  readonly observe: ObserveRequest;
  readonly metrics?: Metrics | undefined;
  readonly logger: Logger;
}

export interface RpcServer {
  /** The real port, if 0 was asked for. */
  readonly port: number;
  /**
   * Accepts no more connections, lets calls that are under way finish within the timeout, and ends those that have not with
   * UNAVAILABLE. Resolves once no connection is open.
   */
  drain(timeoutMs: number): Promise<void>;
}

/** How often unread bytes are counted. */
const unreadCheckMs = 100;
/** How long calls that the drain timeout has ended may take to write their error. */
const lastAnswersMs = 500;

/** @throws Error if the address is not free */
export async function serveRpc(options: RpcServerOptions): Promise<RpcServer> {
  const { access, limits, logger, metrics, turns, draining } = options;
  const shutdown = new AbortController();
  const onEvicted = (reason: "memory" | "oldest" | "stalled") => metrics?.requestCutOff(reason);
  const onOldest = () => onEvicted("oldest");
  const onStalled = () => onEvicted("stalled");
  const budget = new MemoryBudget(limits.maxHeldBytes, onEvicted);
  const gate = new Gate({ authenticator: access?.authenticator, reflectionIsOpen: options.reflectionIsOpen });
  const underWay = new Set<Call>();
  const environment = {
    gate,
    work: new Work({ gate, admission: new Admission(limits), recheckMs: limits.recheckMs, draining }),
    budget,
    arriving: new EvictionQueue(limits.maxArriving, onOldest),
    errors: options.errors,
    observe: options.observe,
    report: createFailureLog(logger),
    stallTimeoutMs: limits.stallTimeoutMs,
    onStalled,
    underWay,
    shutdown: shutdown.signal,
  };
  const { binaryRoutes, jsonRoutes, methods } = options;
  const openRequests = new OpenRequests(new EvictionQueue(limits.maxOpenRequests, onOldest), () =>
    metrics?.requestRefused("open"),
  );
  const serveGrpc = createGrpcHandler(options.grpcMethods, environment, turns);
  const serveOthers = withCors(
    access?.corsOrigins ?? [],
    createConnectHandler({ binaryRoutes, jsonRoutes, methods, openRequests, turns }, environment),
  );
  const isDue = onceASecond();
  const listener = await listen({
    ...options.listen,
    handler(exchange) {
      if (!serveGrpc(exchange)) serveOthers(exchange);
    },
    trustedProxies: options.trustedProxies,
    http2: options.http2,
    tls: access?.tls,
    limits,
    onTurnedAway: metrics && ((reason) => metrics.connectionTurnedAway(reason)),
    onGoaway: (reason, what) => {
      metrics?.goaway(reason);
      logger.debug({ reason, what }, "an HTTP/2 connection ends");
    },
    onRefused: (reason) => {
      metrics?.requestRefused(reason);
      // Many callers give up, and there is nothing to mend.
      if (reason !== "reset" && isDue(reason)) logger.info({ reason }, "a request was refused as HTTP");
    },
    onStalled,
  });
  const stallCheck = setInterval(() => budget.evictStalled(), limits.stallTimeoutMs / 2).unref();
  const unreadCheck = setInterval(() => budget.countUnread(), unreadCheckMs).unref();
  const end = () => {
    listener.destroy();
    clearInterval(stallCheck);
    clearInterval(unreadCheck);
  };
  try {
    access?.followTls((context) => listener.setTlsContext(context));
    metrics?.gauge("rollcall.connections", { description: "Connections that are open." }, () => [
      [{}, listener.connections],
    ]);
    const heldBytes = { description: "Requests that come in and answers that go out.", unit: "By" };
    metrics?.gauge("rollcall.held", heldBytes, () => [[{}, budget.total]]);
  } catch (error) {
    listener.close().catch(() => {});
    end();
    throw error;
  }

  return {
    port: listener.port,
    async drain(timeoutMs) {
      const closed = listener.close();
      if (!(await settledWithin(timeoutMs, closed))) {
        logger.warn("calls were still under way at the end of the drain timeout");
        shutdown.abort(describeError(drainingError()));
        for (const call of underWay) call.abort(shutdown.signal.reason);
        await settledWithin(lastAnswersMs, closed);
      }
      end();
    },
  };
}
