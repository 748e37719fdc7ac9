/** One TCP port that speaks HTTP/2 and HTTP/1.1, in clear text or over TLS. */

import { createServer, type Socket } from "node:net";
import type { SecureContextOptions } from "node:tls";
import { formatAddress } from "../config/address.ts";
import { addressMatcher, type TrustedProxies } from "../config/trusted-proxies.ts";
import type { GoawayReason } from "../http2/errors.ts";
import type { ExchangeHandler } from "../rpc/exchange.ts";
import { type CloseReason, type ConnectionLimits, defaultLimits } from "./http-server.ts";
import { createHttp1Server } from "./http1-server.ts";
import { ignore } from "./ignore.ts";
import { createNodeHttp2Server } from "./node-http2/server.ts";
import { createOwnHttp2Server } from "./own-http2/server.ts";
import { Penalties } from "./penalties.ts";
import { sniffProtocol } from "./protocol-sniffer.ts";
import type { RefusalReason } from "./refused-requests.ts";
import { createTlsServer, type Serve, type TlsOptions } from "./tls-server.ts";

/**
 * Why a connection was closed: there were too many (`limit`), its address had done harm (`penalty`), it did not agree on TLS
 * (`tls`), or a reason of the guard. `timeout` is also for connections that do not show their protocol.
 */
type TurnedAway = CloseReason | "limit" | "penalty" | "tls";

export interface ListenerOptions {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly handler: ExchangeHandler;
  /** Called for each connection that is closed early. */
  readonly onTurnedAway?: ((reason: TurnedAway) => void) | undefined;
  /** Called for each request that is refused before it reaches a handler. */
  readonly onRefused?: ((reason: RefusalReason) => void) | undefined;
  /** Called for each HTTP/1.1 connection that is closed because nothing moved while a request was under way. */
  readonly onStalled?: (() => void) | undefined;
  /** Addresses whose new connections never wait, whatever harm they have done. */
  readonly trustedProxies?: TrustedProxies | undefined;
  /** Without it, the port speaks clear text. */
  readonly tls?: TlsOptions | undefined;
  readonly limits?: Partial<ConnectionLimits> | undefined;
  /** Called for each connection that Rollcall's own HTTP/2 ends. `what` says more, for people. */
  readonly onGoaway?: ((reason: GoawayReason, what: string) => void) | undefined;
  /** Which HTTP/2 serves. Rollcall's own by default. */
  readonly http2?: "own" | "node" | undefined;
}

export interface Listener {
  /** The real port. */
  readonly port: number;
  /** How many connections are open. */
  readonly connections: number;
  /** Sets the certificate that new connections get. */
  setTlsContext(context: SecureContextOptions): void;
  /**
   * Accepts no more connections, tells the open ones to go away as HttpServer's `close` says, and resolves once all of them
   * have closed.
   */
  close(): Promise<void>;
  /** Closes every connection at once. */
  destroy(): void;
}

/** @throws Error naming an address that cannot be listened on */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const { host, port, handler, tls } = options;
  const { onTurnedAway = ignore, onRefused = ignore, onStalled = ignore, onGoaway = ignore } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const sockets = new Set<Socket>();
  /** Connections that have not shown their protocol yet, by their other end. */
  const sniffing = new Map<string, Socket>();
  const penalties = new Penalties();
  const isTrustedProxy = addressMatcher(options.trustedProxies ?? []);
  const onClose = (reason: CloseReason, address: string) => {
    if (reason === "harm" && !isTrustedProxy(address)) penalties.add(address);
    onTurnedAway(reason);
  };
  const createHttp2Server = options.http2 === "node" ? createNodeHttp2Server : createOwnHttp2Server;
  const shared = { handler, limits, onRefused, onClose, onGoaway };
  const http2 = createHttp2Server(shared, (address) => penalties.forgive(address));
  // Its timers run from now on.
  const http1 = createHttp1Server(shared, onStalled);

  const track = (socket: Socket) => {
    const client = otherEndOf(socket);
    sockets.add(socket);
    sniffing.set(client, socket);
    socket.once("close", () => {
      sockets.delete(socket);
      sniffing.delete(client);
    });
  };
  const serve: Serve = (socket, version) => {
    sniffing.delete(otherEndOf(socket));
    if (version === "2") http2.serve(socket);
    else http1.serve(socket);
  };
  const secure = tls === undefined ? undefined : createTlsServer(tls, limits.sniffTimeoutMs, serve, onTurnedAway);
  const greet = (socket: Socket) => {
    if (secure === undefined) sniffProtocol(socket, limits.sniffTimeoutMs, serve, () => onTurnedAway("timeout"));
    else secure.emit("connection", socket);
  };
  const tcp = createServer({ noDelay: true }, (socket) => {
    track(socket);
    const waitMs = penalties.waitOf(socket.remoteAddress ?? "");
    if (waitMs === 0) greet(socket);
    else if (waitMs === undefined) {
      socket.destroy();
      onTurnedAway("penalty");
    } else {
      const timer = setTimeout(() => {
        if (!socket.destroyed) greet(socket);
      }, waitMs);
      socket.on("error", ignore).once("close", () => clearTimeout(timer));
    }
  });

  tcp.maxConnections = limits.maxConnections;
  tcp.on("drop", () => onTurnedAway("limit"));

  await new Promise<void>((resolve, reject) => {
    // The listener stays, so that a connection that cannot be accepted later on ends nothing else.
    tcp.on("error", (error) =>
      reject(new Error(`cannot listen on ${formatAddress({ host, port })}: ${error.message}`)),
    );
    tcp.listen(port, host, resolve);
  }).catch((error: unknown) => {
    http1.destroy();
    throw error;
  });
  const address = tcp.address();
  if (address === null || typeof address === "string") throw new Error("the server listens on no port");

  return {
    port: address.port,
    get connections() {
      return sockets.size;
    },
    setTlsContext(context) {
      secure?.setSecureContext(context);
    },
    close() {
      const closed = new Promise<void>((resolve) => tcp.close(() => resolve()));
      for (const socket of sniffing.values()) socket.destroy();
      http2.close();
      http1.close();
      return closed;
    },
    destroy() {
      for (const socket of sockets) socket.destroy();
      http1.destroy();
    },
  };
}

/** The same for a connection and for TLS on it. */
function otherEndOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
