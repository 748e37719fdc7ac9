/** One TCP port that speaks HTTP/2 and HTTP/1.1, in clear text or over TLS. */

import { createServer as createHttp2Server, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { createServer as createTcpServer, type Socket } from "node:net";
import type { SecureContextOptions } from "node:tls";
import { formatAddress } from "../config/address.ts";
import { defaultServerLimits } from "../config/server-limits.ts";
import { addressMatcher, type TrustedProxies } from "../config/trusted-proxies.ts";
import type { ExchangeHandler } from "../rpc/exchange.ts";
import { Http1Exchange } from "./http1-exchange.ts";
import { createHttp1Server } from "./http1-server.ts";
import { Http2Exchange } from "./http2-exchange.ts";
import { type EndReason, guardSession, type Http2GuardLimits } from "./http2-guard.ts";
import { Penalties } from "./penalties.ts";
import { sniffProtocol } from "./protocol-sniffer.ts";
import {
  maxHeaderListBytes,
  meetExpectation,
  type RefusalReason,
  refusalOf,
  refuseStream,
} from "./refused-requests.ts";
import { resetBurst, resetsPerSecond } from "./reset-budget.ts";
import { createTlsServerOf, type Serve, type TlsOptions } from "./tls-server.ts";

/** Calls under way on one HTTP/2 connection. */
const maxConcurrentStreams = 1_024;
/** Memory that one HTTP/2 connection may hold, in megabytes. */
const maxSessionMemoryMegabytes = 64;
/** Node's own bounds to resets. Beyond them it would also break connections that are answered; the guard ends others before. */
const streamResetBurst = 2 * resetBurst;
const streamResetRate = 2 * resetsPerSecond;
/** HTTP/2 flow control: what a client may send ahead on one stream and on one connection. */
const streamWindowBytes = 512 * 1024;
const connectionWindowBytes = 16 * 1024 * 1024;

/** Of all connections together, and of each. */
export interface ConnectionLimits extends Http2GuardLimits {
  /** What comes beyond is closed at once. */
  readonly maxConnections: number;
  /** How long a connection may take to say what it speaks, or to agree on TLS. */
  readonly sniffTimeoutMs: number;
  /** How long an HTTP/1.1 client may take to send a request's headers, to the next full second. */
  readonly headersTimeoutMs: number;
  /** How long an HTTP/1.1 client may take to send a whole request, to the next full second. */
  readonly requestTimeoutMs: number;
  /** How long nothing may move on an HTTP/1.1 connection. */
  readonly stallTimeoutMs: number;
}

const defaultLimits: ConnectionLimits = {
  maxConnections: defaultServerLimits.maxConnections,
  sniffTimeoutMs: 10_000,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  pingIntervalMs: 30_000,
  idleTimeoutMs: 30 * 60_000,
  maxConnectionAgeMs: defaultServerLimits.maxConnectionAgeMs,
  stallTimeoutMs: defaultServerLimits.stallTimeoutMs,
};

/**
 * Why a connection was ended: there were too many (`limit`); it came from where harm had come from (`penalty`); or as the guard
 * says, where `timeout` is also for those that do not say which protocol they speak.
 */
type TurnedAway = EndReason | "limit" | "penalty" | "tls";

export interface ListenerOptions {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly handler: ExchangeHandler;
  /** Called for each connection that is ended, and not because its calls have. */
  readonly onTurnedAway?: ((reason: TurnedAway) => void) | undefined;
  /** Called for each request that is refused without reaching a handler. */
  readonly onRefused?: ((reason: RefusalReason) => void) | undefined;
  /** Called for each connection of HTTP/1.1 that is ended because nothing moved while a request was under way. */
  readonly onStalled?: (() => void) | undefined;
  /** Addresses from which connections never wait, whatever harm has come from there. */
  readonly trustedProxies?: TrustedProxies | undefined;
  /** Without it, the port speaks clear text. */
  readonly tls?: TlsOptions | undefined;
  readonly limits?: Partial<ConnectionLimits> | undefined;
}

export interface Listener {
  /** The real port. */
  readonly port: number;
  /** How many connections are open. */
  readonly connections: number;
  /** What new connections are shown from now on. */
  setTlsContext(context: SecureContextOptions): void;
  /**
   * Accepts no more connections, tells the open ones to go away, and resolves once all of them have ended. HTTP/2
   * connections end when their calls have. HTTP/1.1 has no way to tell an idle client: such connections end with their
   * next request, or when no HTTP/1.1 request is under way any more.
   */
  close(): Promise<void>;
  /** Ends every connection at once. */
  destroy(): void;
}

/** @throws Error that names the address, if it cannot be listened on */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const { host, port, handler, tls } = options;
  const { onTurnedAway = ignore, onRefused = ignore, onStalled = ignore } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const sockets = new Set<Socket>();
  const sniffing = new Set<Socket>();
  const sessions = new Set<ServerHttp2Session>();
  const penalties = new Penalties();
  const isTrustedProxy = addressMatcher(options.trustedProxies ?? []);
  let closing = false;

  const harmFrom = (address: string) => {
    if (!isTrustedProxy(address)) penalties.add(address);
    onTurnedAway("harm");
  };
  const onHarm = ({ remoteAddress = "" }: Socket) => harmFrom(remoteAddress);

  const http2 = createHttp2Server({
    maxSessionMemory: maxSessionMemoryMegabytes,
    streamResetBurst,
    streamResetRate,
    // As many as fit into their bytes: Node would reset a stream with more than 128, and tell nobody.
    maxHeaderListPairs: maxHeaderListBytes / 32,
    settings: { maxConcurrentStreams, maxHeaderListSize: maxHeaderListBytes, initialWindowSize: streamWindowBytes },
  });
  http2.on("stream", (stream, headers, flags, rawHeaders) => {
    // Its caller, or its connection, has ended it already; with an error, perhaps, that nobody waits for.
    if (stream.closed || stream.destroyed) {
      stream.on("error", ignore);
      onRefused("reset");
      return;
    }
    const refusal = refusalOf(headers, flags, rawHeaders);
    if (refusal !== undefined) {
      refuseStream(stream, refusal);
      onRefused(refusal.reason);
      return;
    }
    endTimeoutWith(stream);
    handler(new Http2Exchange(stream, meetExpectation(stream, headers), rawHeaders));
  });
  http2.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
    const address = session.socket.remoteAddress ?? "";
    const onEnd = (reason: EndReason) => {
      if (reason === "harm") harmFrom(address);
      else onTurnedAway(reason);
    };
    session.setLocalWindowSize(connectionWindowBytes);
    const onManyAnswers = () => penalties.forgive(address);
    const hasAnswered = guardSession(session, limits, { onEnd, onManyAnswers });
    session.on("error", (error: NodeJS.ErrnoException) => {
      const isGoodbye = error.errno === protocolViolation && hasAnswered();
      if (protocolErrors.has(error.code ?? "") && !isGoodbye) onEnd("harm");
      session.destroy();
    });
    if (closing) session.close();
  });
  http2.on("sessionError", () => {});

  const track = (socket: Socket) => {
    sockets.add(socket);
    sniffing.add(socket);
    socket.once("close", () => {
      sockets.delete(socket);
      sniffing.delete(socket);
    });
  };
  const serve: Serve = (socket, version, accepted = socket) => {
    sniffing.delete(accepted);
    if (version === "2") http2.emit("connection", socket);
    else http1.serve(socket);
  };
  const onTimeout = () => onTurnedAway("timeout");
  const secure = tls === undefined ? undefined : createTlsServerOf(tls, limits.sniffTimeoutMs, serve, onTurnedAway);
  const greet = (socket: Socket) => {
    if (secure === undefined)
      sniffProtocol(socket, limits.sniffTimeoutMs, (version) => serve(socket, version), onTimeout);
    else secure.emit("connection", socket);
  };
  const tcp = createTcpServer({ noDelay: true }, (socket) => {
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

  // Its timers run from now on.
  const http1 = createHttp1Server({
    ...limits,
    handler: (request, response) => handler(new Http1Exchange(request, response)),
    onRefused,
    onStalled,
    onHarm,
  });
  await new Promise<void>((resolve, reject) => {
    // It stays, and so a connection that cannot be accepted later on ends nothing else.
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
      closing = true;
      const closed = new Promise<void>((resolve) => tcp.close(() => resolve()));
      for (const socket of sniffing) socket.destroy();
      for (const session of sessions) session.close();
      http1.close();
      return closed;
    },
    destroy() {
      for (const socket of sockets) socket.destroy();
      http1.destroy();
    },
  };
}

/**
 * Node does not clear the timeout of a stream that is destroyed before it is closed, as when its connection breaks. The timer would
 * keep the stream in memory, with its request and its answer.
 */
function endTimeoutWith(stream: ServerHttp2Stream): void {
  const destroy = stream.destroy.bind(stream);
  stream.destroy = (error) => {
    stream.setTimeout(0);
    return destroy(error);
  };
}

/** Of a session whose other end does not keep to the protocol. */
const protocolErrors: ReadonlySet<string> = new Set(["ERR_HTTP2_ERROR", "ERR_HTTP2_TOO_MANY_INVALID_FRAMES"]);

/**
 * Node's number for a frame that is against the protocol. grpc-go says goodbye with one, a GOAWAY whose last stream could not
 * have been the server's: where it comes after an answer, the connection is none that only does harm.
 */
const protocolViolation = -505;

/** A connection that fails closes, and says nothing that anybody could act on. */
function ignore(): void {}
