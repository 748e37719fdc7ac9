/** Serves another service as the server does UserService: on its listener, with its two ways in for gRPC and its limits. */
import { ConnectError, type ConnectRouter } from "@connectrpc/connect";
import type { Logger } from "pino";
import { defaultServerLimits as limits } from "../../src/config/server-limits.ts";
import type { GrpcMethod } from "../../src/rpc/grpc/handler.ts";
import { Turns } from "../../src/rpc/guard/turns.ts";
import { contractErrors, type RaisedErrors } from "../../src/rpc/restated-errors.ts";
import { type AccessSettings, openAccess } from "../../src/server/access.ts";
import { serveRpc } from "../../src/server/serve-rpc.ts";
import { observeRequests } from "../../src/telemetry/requests.ts";
import type { Http2Layer } from "../support/http2-layers.ts";

export const host = "127.0.0.1";
const never = new AbortController().signal;
/** As `serve` has it. */
const drainTimeoutMs = 10_000;

export interface Mounted {
  /** For Connect's adapter. */
  readonly routes: (router: ConnectRouter) => void;
  /** For gRPC without Connect. */
  readonly methods: readonly GrpcMethod[];
  readonly access: AccessSettings;
  /** As the server has it by default. */
  readonly http2?: Http2Layer | undefined;
  readonly logger: Logger;
  /** Ends streams, with its reason. */
  readonly draining?: AbortSignal;
}

export interface MountedService {
  /** A free one, of `host`. */
  readonly port: number;
  /** Stops as the server does. */
  drain(): Promise<void>;
}

export async function mount({
  routes,
  methods,
  access: settings,
  http2,
  logger,
  draining = never,
}: Mounted): Promise<MountedService> {
  const listen = { host, port: 0 };
  const access = await openAccess(listen, settings, logger);
  const server = await serveRpc({
    listen,
    grpcMethods: methods,
    binaryRoutes: [routes],
    jsonRoutes: [routes],
    access,
    methods: new Map(),
    draining,
    turns: new Turns(),
    reflectionIsOpen: true,
    errors: withoutDetails,
    limits,
    http2,
    observe: observeRequests({ logger, accessLogShare: 0 }),
    logger,
  });
  return {
    port: server.port,
    async drain() {
      await server.drain(drainTimeoutMs);
      access.close();
    },
  };
}

/** The contract's codes and messages, without the details that the contract adds and no suite expects. */
const withoutDetails: RaisedErrors = {
  restate(error, method) {
    // What has details comes from the service.
    if (error.details.length > 0) return;
    contractErrors.restate(error, method);
    error.details = [];
  },
  noSuchMethod: new ConnectError(contractErrors.noSuchMethod.rawMessage, contractErrors.noSuchMethod.code),
};
