/**
 * Mounts a service as UserService is in src/server/server.ts: on the same listener, with the same two ways in for gRPC, and
 * the same limits.
 */
import type { ConnectRouter } from "@connectrpc/connect";
import type { Logger } from "pino";
import { defaultServerLimits } from "../../src/config/server-limits.ts";
import { Admission } from "../../src/rpc/admission.ts";
import { createGate } from "../../src/rpc/gate.ts";
import { createGrpcHandler, type GrpcMethod } from "../../src/rpc/grpc/grpc-handler.ts";
import { HeldBytes } from "../../src/rpc/held-bytes.ts";
import { createNodeHandler } from "../../src/rpc/node-handler.ts";
import { OldestOut } from "../../src/rpc/oldest-out.ts";
import { OpenRequests } from "../../src/rpc/open-requests.ts";
import { type AccessSettings, openAccess } from "../../src/server/access.ts";
import { createFailureLog } from "../../src/telemetry/failure-log.ts";
import { observeRequests } from "../../src/telemetry/requests.ts";
import { endForHarm } from "../../src/transport/http2-guard.ts";
import { listen } from "../../src/transport/listener.ts";
import { sendingMetadata, withMetadata } from "./metadata.ts";

export const host = "127.0.0.1";

export interface Mounted {
  /** For Connect's adapter. */
  readonly routes: (router: ConnectRouter) => void;
  /** For gRPC straight on HTTP/2 streams. */
  readonly methods: readonly GrpcMethod[];
  readonly access: AccessSettings;
  readonly logger: Logger;
}

export interface MountedService {
  /** A free one, of `host`. */
  readonly port: number;
  /** Ends every connection at once, and listens no more. */
  destroy(): Promise<void>;
}

export async function mount({ routes, methods, access: settings, logger }: Mounted): Promise<MountedService> {
  const access = await openAccess({ host, port: 0 }, settings, logger);
  const report = createFailureLog(logger);
  const held = new HeldBytes(defaultServerLimits.maxHeldBytes);
  const arriving = new OldestOut(defaultServerLimits.maxArriving);
  const { signal: shutdown } = new AbortController();
  const gate = createGate({
    authenticator: access.authenticator,
    admission: new Admission(defaultServerLimits),
    reflectionIsOpen: true,
  });
  const observe = withMetadata(observeRequests({ logger, accessLogShare: 0 }));
  const streamHandler = createGrpcHandler({
    methods,
    gate,
    held,
    arriving,
    stallTimeoutMs: defaultServerLimits.stallTimeoutMs,
    shutdown,
    observe,
    report,
  });
  const handler = createNodeHandler({
    binaryRoutes: [routes],
    jsonRoutes: [routes],
    gate,
    held,
    arriving,
    openRequests: new OpenRequests(defaultServerLimits.maxOpenRequests, endForHarm),
    shutdown,
    observe,
    report,
    onBrokenAnswer: () => {},
  });
  const listener = await listen({
    host,
    port: 0,
    handler,
    streamHandler: sendingMetadata(streamHandler),
    tls: access.tls,
    limits: defaultServerLimits,
    onTurnedAway: (reason) => logger.warn({ reason }, "a connection was turned away"),
  });
  return {
    port: listener.port,
    async destroy() {
      access.close();
      const closed = listener.close();
      listener.destroy();
      await closed;
    },
  };
}
