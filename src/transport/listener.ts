/** One TCP port that speaks HTTP/2 and HTTP/1.1, in clear text or over TLS. */
import { createServer as createHttp1Server, type IncomingMessage, type ServerResponse } from "node:http";
import {
  constants,
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { createServer as createTcpServer, type Socket } from "node:net";
import type { SecureContextOptions } from "node:tls";
import { defaultServerLimits } from "../config/server-limits.ts";
import { guardSession, type Http2GuardLimits } from "./http2-guard.ts";
import { Penalties } from "./penalties.ts";
import { sniffProtocol } from "./protocol-sniffer.ts";
import { createTlsServerOf, type Serve, type TlsOptions } from "./tls-server.ts";

/** Calls under way on one HTTP/2 connection. */
const maxConcurrentStreams = 1_024;
const maxHeaderListBytes = 16 * 1024;
/** Memory that one HTTP/2 connection may hold, in megabytes. */
const maxSessionMemoryMegabytes = 64;
/** Streams that one HTTP/2 connection may reset, at once and each second: a caller may give up all it has under way. */
const streamResetBurst = 200;
const streamResetRate = 50;
/** HTTP/2 flow control: what a client may send ahead on one stream and on one connection. */
const streamWindowBytes = 512 * 1024;
const connectionWindowBytes = 16 * 1024 * 1024;
/** HTTP/1.1: how long a client may take to send a whole request. */
const requestTimeoutMs = 60_000;
/** How often HTTP/1.1 connections are checked for having run out of time. */
const timeoutCheckIntervalMs = 1_000;
/** How long an HTTP/1.1 connection may be idle: longer than load balancers keep theirs. */
const keepAliveTimeoutMs = 75_000;

/** Of all connections together, and of each. */
export interface ConnectionLimits extends Http2GuardLimits {
  /** What comes beyond is closed at once. */
  readonly maxConnections: number;
  /** How long a connection may take to say what it speaks, or to agree on TLS. */
  readonly sniffTimeoutMs: number;
  /** How long an HTTP/1.1 client may take to send a request's headers, to the next full second. */
  readonly headersTimeoutMs: number;
  /** How long nothing may move on a stream that goes to `handler`, or on an HTTP/1.1 connection. */
  readonly stallTimeoutMs: number;
}

const defaultLimits: ConnectionLimits = {
  maxConnections: defaultServerLimits.maxConnections,
  sniffTimeoutMs: 10_000,
  headersTimeoutMs: 10_000,
  pingIntervalMs: 30_000,
  idleTimeoutMs: 30 * 60_000,
  maxConnectionAgeMs: defaultServerLimits.maxConnectionAgeMs,
  stallTimeoutMs: defaultServerLimits.stallTimeoutMs,
};

type RequestHandler = (
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
) => void;

/** Serves an HTTP/2 stream; or answers false, and leaves it as it was. */
type StreamHandler = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => boolean;

/**
 * Why a connection was ended: there were too many; it came from where harm had come from; it did harm itself.
 */
export type TurnedAway = "limit" | "penalty" | "harm";

export interface ListenerOptions {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly handler: RequestHandler;
  /** Asked first for each HTTP/2 stream, and watches over what it takes; what it leaves goes to `handler`. */
  readonly streamHandler?: StreamHandler;
  /** Called for each connection that is ended, and not because its calls have. */
  readonly onTurnedAway?: ((reason: TurnedAway) => void) | undefined;
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
  const { host, port, handler, streamHandler = () => false, tls, onTurnedAway = ignore } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const sockets = new Set<Socket>();
  const sniffing = new Set<Socket>();
  const sessions = new Set<ServerHttp2Session>();
  /** How many requests each HTTP/1.1 connection has under way, where it has any. */
  const answering = new Map<Socket, number>();
  const penalties = new Penalties();
  let closing = false;

  const http1 = createHttp1Server(
    {
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: timeoutCheckIntervalMs,
      keepAliveTimeout: keepAliveTimeoutMs,
      maxHeaderSize: maxHeaderListBytes,
    },
    (request, response) => {
      const { socket } = request;
      answering.set(socket, (answering.get(socket) ?? 0) + 1);
      response.once("close", () => {
        const left = (answering.get(socket) ?? 0) - 1;
        if (left > 0) answering.set(socket, left);
        else answering.delete(socket);
        if (closing) closeIdleHttp1();
      });
      if (closing) response.setHeader("connection", "close");
      handler(request, response);
    },
  );
  // Node takes a connection for idle as soon as its answer has ended, sent or not, and would cut the rest of it off.
  const closeIdleHttp1 = () => {
    if (answering.size === 0) http1.closeIdleConnections();
  };
  // It gets its connections from the sniffer; its timeouts begin with this event.
  http1.emit("listening");
  http1.timeout = limits.stallTimeoutMs;

  // It makes requests of the streams it is given, and takes no connections itself.
  const requests = createHttp2Server(handler);
  const http2 = createHttp2Server({
    maxSessionMemory: maxSessionMemoryMegabytes,
    streamResetBurst,
    streamResetRate,
    settings: { maxConcurrentStreams, maxHeaderListSize: maxHeaderListBytes, initialWindowSize: streamWindowBytes },
  });
  http2.on("stream", (stream, headers, flags, rawHeaders) => {
    // Ended before anybody had a look at it; with an error, perhaps, that nobody waits for.
    if (stream.destroyed) {
      stream.on("error", ignore);
      return;
    }
    if (headerListBytes(rawHeaders) > maxHeaderListBytes) {
      stream
        .on("error", ignore)
        .respond({ ":status": constants.HTTP_STATUS_REQUEST_HEADER_FIELDS_TOO_LARGE }, { endStream: true });
      stream.close(constants.NGHTTP2_NO_ERROR);
      return;
    }
    if (streamHandler(stream, headers)) return;
    stream.setTimeout(limits.stallTimeoutMs, () => {
      if (!waitsForAnswer(stream)) stream.close(constants.NGHTTP2_CANCEL);
    });
    requests.emit("stream", stream, headers, flags, rawHeaders);
  });
  http2.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
    const address = session.socket.remoteAddress ?? "";
    const penalize = () => {
      penalties.add(address);
      onTurnedAway("harm");
    };
    session.setLocalWindowSize(connectionWindowBytes);
    const hasAnswered = guardSession(session, limits, penalize);
    session.on("error", (error: NodeJS.ErrnoException) => {
      const isGoodbye = error.errno === protocolViolation && hasAnswered();
      if (protocolErrors.has(error.code ?? "") && !isGoodbye) penalize();
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
      if (closing) closeIdleHttp1();
    });
  };
  const serve: Serve = (socket, version, accepted = socket) => {
    sniffing.delete(accepted);
    socket.once("close", () => answering.delete(socket));
    (version === "2" ? http2 : http1).emit("connection", socket);
  };
  const secure = tls === undefined ? undefined : createTlsServerOf(tls, limits.sniffTimeoutMs, serve);
  const greet = (socket: Socket) => {
    if (secure === undefined) sniffProtocol(socket, limits.sniffTimeoutMs, (version) => serve(socket, version));
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

  await new Promise<void>((resolve, reject) => {
    // It stays, and so a connection that cannot be accepted later on ends nothing else.
    tcp.on("error", (error) => reject(new Error(`cannot listen on ${host}:${port}: ${error.message}`)));
    tcp.listen(port, host, resolve);
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
      closeIdleHttp1();
      return closed;
    },
    destroy() {
      for (const socket of sockets) socket.destroy();
      http1.close();
    },
  };
}

/** As SETTINGS_MAX_HEADER_LIST_SIZE counts it, to which Node holds only those who have acknowledged it: RFC 9113, section 6.5.2. */
function headerListBytes(rawHeaders: readonly string[]): number {
  let bytes = 0;
  for (const text of rawHeaders) bytes += text.length;
  return bytes + (rawHeaders.length / 2) * 32;
}

/** Whether all of its request is there, and nothing of an answer is held up: who watches over a service's health waits so. */
function waitsForAnswer({ state, writableLength }: ServerHttp2Stream): boolean {
  return state.state === constants.NGHTTP2_STREAM_STATE_HALF_CLOSED_REMOTE && writableLength === 0;
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
