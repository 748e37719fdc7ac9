/** Serves methods on a port, whatever they do: who comes in, what is held in memory, both ways in, and the listener. */
import { setMaxListeners } from "node:events";
import { Code } from "@connectrpc/connect";
import type { Address } from "../config/address.ts";
import type { ServerLimits } from "../config/server-limits.ts";
import type { TrustedProxies } from "../config/trusted-proxies.ts";
import { withCors } from "../rpc/connect/cors.ts";
import { createNodeHandler, type NodeHandlerOptions } from "../rpc/connect/node-handler.ts";
import { describeError } from "../rpc/errors.ts";
import { createGrpcHandler, type GrpcHandlerOptions } from "../rpc/grpc/grpc-handler.ts";
import type { Admission } from "../rpc/guard/admission.ts";
import { OldestOut } from "../rpc/guard/eviction.ts";
import { createGate } from "../rpc/guard/gate.ts";
import { HeldBytes } from "../rpc/guard/memory-budget.ts";
import { OpenRequests } from "../rpc/guard/open-requests.ts";
import type { Turns } from "../rpc/guard/turns.ts";
import { createFailureLog } from "../telemetry/failure-log.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { onceASecond } from "../telemetry/quiet.ts";
import type { ObserveRequest } from "../telemetry/requests.ts";
import { endForHarm } from "../transport/http2-guard.ts";
import { listen } from "../transport/listener.ts";
import { draining } from "../users/errors.ts";
import type { Access } from "./access.ts";
import { settledWithin } from "./settled-within.ts";

export interface RpcServerOptions
  extends Pick<GrpcHandlerOptions, "methods" | "errors">,
    Pick<NodeHandlerOptions, "binaryRoutes" | "jsonRoutes"> {
  readonly listen: Address;
  /** Without it, clear text for all. It stays open for whoever opened it to close. */
  readonly access: Access | undefined;
  /** The one in which what serves the calls counts them. */
  readonly admission: Admission;
  /** Shares out each turn of the event loop among messages that are decoded. */
  readonly turns: Turns;
  /** Whether the methods of other services than UserService and Health are for all. */
  readonly reflectionIsOpen: boolean;
  readonly limits: ServerLimits;
  /** Addresses from which connections never wait, whatever harm has come from there. */
  readonly trustedProxies?: TrustedProxies | undefined;
  readonly observe: ObserveRequest;
  readonly metrics?: Metrics | undefined;
  readonly logger: Logger;
}

export interface RpcServer {
  /** The real one where port 0 was asked for. */
  readonly port: number;
  /**
   * Accepts no more connections, lets calls that are under way finish within the timeout, and ends those that have not with
   * UNAVAILABLE. Resolves once no connection is open.
   */
  drain(timeoutMs: number): Promise<void>;
}

/** How often it is counted what has arrived and waits to be read. */
const unreadCheckMs = 100;
/** How long calls that the drain timeout has ended may take to write their error. */
const lastAnswersMs = 500;

/** @throws Error if the address is not free */
export async function serveRpc(options: RpcServerOptions): Promise<RpcServer> {
  const { access, admission, limits, logger, metrics, observe } = options;
  const shutdown = new AbortController();
  // Every request and stream listens to it.
  setMaxListeners(0, shutdown.signal);
  const onCutOff = (reason: "memory" | "oldest" | "stalled") => metrics?.requestCutOff(reason);
  const onOldest = () => onCutOff("oldest");
  const onStalled = () => onCutOff("stalled");
  const held = new HeldBytes(limits.maxHeldBytes, onCutOff);
  const shared = {
    gate: createGate({
      authenticator: access?.authenticator,
      admission,
      reflectionIsOpen: options.reflectionIsOpen,
    }),
    held,
    turns: options.turns,
    arriving: new OldestOut(limits.maxArriving, onOldest),
    shutdown: shutdown.signal,
    errors: options.errors,
    observe,
    report: createFailureLog(logger),
  };
  const streamHandler = createGrpcHandler({
    ...shared,
    methods: options.methods,
    stallTimeoutMs: limits.stallTimeoutMs,
    onStalled,
  });
  const callHandler = createNodeHandler({
    ...shared,
    binaryRoutes: options.binaryRoutes,
    jsonRoutes: options.jsonRoutes,
    openRequests: new OpenRequests(new OldestOut(limits.maxOpenRequests, onOldest), {
      onHarm: endForHarm,
      onRefused: () => metrics?.requestRefused("open"),
    }),
    onBrokenAnswer: (error) => {
      if (error.code !== Code.Aborted) logger.debug({ code: Code[error.code] }, "an answer could not be written");
    },
  });
  const isDue = onceASecond();
  const listener = await listen({
    ...options.listen,
    handler: withCors(access?.corsOrigins ?? [], callHandler),
    streamHandler,
    trustedProxies: options.trustedProxies,
    tls: access?.tls,
    limits,
    onTurnedAway: metrics && ((reason) => metrics.connectionTurnedAway(reason)),
    onRefused: (reason) => {
      metrics?.requestRefused(reason);
      // Callers who give up are no fault of anybody's, and many.
      if (reason !== "reset" && isDue(reason)) logger.info({ reason }, "a request was refused as HTTP");
    },
    onStalled,
  });
  const stallCheck = setInterval(() => held.shedStalled(), limits.stallTimeoutMs / 2).unref();
  const unreadCheck = setInterval(() => held.countUnread(), unreadCheckMs).unref();
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
    metrics?.gauge("rollcall.held", heldBytes, () => [[{}, held.total]]);
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
        shutdown.abort(describeError(draining()));
        await settledWithin(lastAnswersMs, closed);
      }
      end();
    },
  };
}
