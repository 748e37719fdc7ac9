/** One TCP port that speaks HTTP/2 in clear text and HTTP/1.1. */
import { createServer as createHttp1Server, type IncomingMessage, type ServerResponse } from "node:http";
import {
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from "node:http2";
import { createServer as createTcpServer, type Socket } from "node:net";
import { sniffProtocol } from "./protocol-sniffer.ts";

/** How long a connection may take to say what it speaks. */
const defaultSniffTimeoutMs = 10_000;
/** Calls under way on one HTTP/2 connection. */
const maxConcurrentStreams = 1_024;
const maxHeaderListBytes = 16 * 1024;
/** Memory that one HTTP/2 connection may hold, in megabytes. */
const maxSessionMemoryMegabytes = 64;
/** HTTP/2 flow control: what a client may send ahead on one stream and on one connection. */
const streamWindowBytes = 1024 * 1024;
const connectionWindowBytes = 16 * 1024 * 1024;
/** HTTP/1.1: how long a client may take to send its headers, and a whole request. */
const headersTimeoutMs = 10_000;
const requestTimeoutMs = 60_000;

type RequestHandler = (
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
) => void;

export interface ListenerOptions {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly handler: RequestHandler;
  /** How long a connection may take to say what it speaks; default 10 s. */
  readonly sniffTimeoutMs?: number;
}

export interface Listener {
  /** The real port. */
  readonly port: number;
  /**
   * Accepts no more connections, tells the open ones to go away, and resolves once all of them have ended: idle ones
   * at once, others when their calls have.
   */
  close(): Promise<void>;
  /** Ends every connection at once. */
  destroy(): void;
}

/** @throws Error that names the address, if it cannot be listened on */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const { host, port, handler } = options;
  const sockets = new Set<Socket>();
  const sniffing = new Set<Socket>();
  const sessions = new Set<ServerHttp2Session>();
  let closing = false;

  const http1 = createHttp1Server(
    { headersTimeout: headersTimeoutMs, requestTimeout: requestTimeoutMs, maxHeaderSize: maxHeaderListBytes },
    (request, response) => {
      if (closing) response.setHeader("connection", "close");
      response.once("close", () => {
        if (closing) http1.closeIdleConnections();
      });
      handler(request, response);
    },
  );
  // It gets its connections from the sniffer; its timeouts begin with this event.
  http1.emit("listening");
  http1.on("clientError", (_error, socket) => socket.destroy());

  const http2 = createHttp2Server(
    {
      maxSessionMemory: maxSessionMemoryMegabytes,
      settings: { maxConcurrentStreams, maxHeaderListSize: maxHeaderListBytes, initialWindowSize: streamWindowBytes },
    },
    handler,
  );
  http2.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
    session.on("error", () => session.destroy());
    session.setLocalWindowSize(connectionWindowBytes);
    if (closing) session.close();
  });
  http2.on("sessionError", () => {});

  const tcp = createTcpServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    sniffing.add(socket);
    socket.once("close", () => {
      sockets.delete(socket);
      sniffing.delete(socket);
    });
    sniffProtocol(socket, options.sniffTimeoutMs ?? defaultSniffTimeoutMs, (version) => {
      sniffing.delete(socket);
      (version === "2" ? http2 : http1).emit("connection", socket);
    });
  });

  await new Promise<void>((resolve, reject) => {
    tcp.once("error", (error) => reject(new Error(`cannot listen on ${host}:${port}: ${error.message}`)));
    tcp.listen(port, host, resolve);
  });
  const address = tcp.address();
  if (address === null || typeof address === "string") throw new Error("the server listens on no port");

  return {
    port: address.port,
    close() {
      closing = true;
      const closed = new Promise<void>((resolve) => tcp.close(() => resolve()));
      for (const socket of sniffing) socket.destroy();
      for (const session of sessions) session.close();
      http1.closeIdleConnections();
      return closed;
    },
    destroy() {
      for (const socket of sockets) socket.destroy();
      http1.close();
    },
  };
}
