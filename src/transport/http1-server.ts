/** HTTP/1.1 on connections that another server has accepted. */
import { createServer, type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import { Socket } from "node:net";
import { maxHeaderListBytes, type Refusal, type RefusalReason, refusals } from "./refused-requests.ts";
import { exchangeWaits } from "./waits-for-answer.ts";

/** How often connections are checked for having run out of time. */
const timeoutCheckIntervalMs = 1_000;
/** After so long without traffic, TCP asks whether the other end is there: HTTP/1.1 has no PING. */
const tcpKeepAliveMs = 60_000;
/** How long a connection may be idle: longer than load balancers keep theirs. */
const keepAliveTimeoutMs = 75_000;
/** Requests of one connection that are not answered yet. Few clients send a request before the last one is answered. */
const maxPipelined = 16;

export interface Http1ServerOptions {
  readonly handler: (request: IncomingMessage, response: ServerResponse) => void;
  readonly onRefused: (reason: RefusalReason) => void;
  /** Called with a connection that is about to be ended for the requests that wait on it. */
  readonly onHarm: (socket: Socket) => void;
  /** How long a client may take to send a request's headers, to the next full second. */
  readonly headersTimeoutMs: number;
  /** How long a client may take to send a whole request, to the next full second. */
  readonly requestTimeoutMs: number;
  /** How long nothing may move on a connection, unless its requests are complete and wait for answers. */
  readonly stallTimeoutMs: number;
  /** Called for each connection with a request under way that is ended for that. */
  readonly onStalled: () => void;
}

export interface Http1Server {
  serve(socket: Socket): void;
  /** Ends each connection with its next answer, and idle ones as soon as no connection has a request under way. */
  close(): void;
  /** Called once its connections have been destroyed. */
  destroy(): void;
}

export function createHttp1Server({
  handler,
  onRefused,
  onHarm,
  headersTimeoutMs,
  requestTimeoutMs,
  stallTimeoutMs,
  onStalled,
}: Http1ServerOptions): Http1Server {
  /** The answers of each connection that are not finished, where it has any. */
  const answering = new Map<Socket, Set<ServerResponse>>();
  let closing = false;
  const server = createServer({
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    connectionsCheckingInterval: timeoutCheckIntervalMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    maxHeaderSize: maxHeaderListBytes,
    // Checked below, where the refusal is counted.
    requireHostHeader: false,
  });
  // As many as fit into their bytes: Node would drop those beyond the thousandth.
  server.maxHeadersCount = 0;
  server.timeout = stallTimeoutMs;
  server.on("timeout", (socket) => {
    const responses = [...(answering.get(socket) ?? [])];
    if (responses.length > 0) {
      if (responses.every((response) => exchangeWaits(response.req, response))) return;
      onStalled();
    }
    socket.destroy();
  });
  // Its timeouts begin with this event.
  server.emit("listening");

  // Node takes a connection for idle as soon as its answer has ended, sent or not, and would cut the rest of it off.
  const closeIdle = () => {
    if (answering.size === 0) server.closeIdleConnections();
  };
  /** @returns whether the request may be looked at */
  const begin = (request: IncomingMessage, response: ServerResponse): boolean => {
    const { socket } = request;
    // Node goes on with what it has read of a connection that has been closed.
    if (socket.destroyed) return false;
    // Whoever serves a request stops listening to it when its answer closes, which may be between two moments of one failure.
    // An error to which nobody listens ends the process.
    request.on("error", ignore);
    const responses = answering.get(socket) ?? new Set();
    answering.set(socket, responses.add(response));
    response.once("close", () => {
      responses.delete(response);
      if (responses.size > 0) return;
      answering.delete(socket);
      if (closing) closeIdle();
    });
    if (closing) response.setHeader("connection", "close");
    if (responses.size <= maxPipelined) return true;
    onRefused("pipelined");
    onHarm(socket);
    socket.destroy();
    return false;
  };
  const refuse = (response: ServerResponse, { status, reason, text = "" }: Refusal) => {
    onRefused(reason);
    const headers = { connection: "close", "content-type": "text/plain", "content-length": Buffer.byteLength(text) };
    response.writeHead(status, headers).end(text);
  };
  const serve = (request: IncomingMessage, response: ServerResponse, waitsToContinue: boolean) => {
    if (!begin(request, response)) return;
    if (request.httpVersion === "1.1" && !hasOneHost(request)) {
      refuse(response, refusals.host);
      return;
    }
    if (waitsToContinue) response.writeContinue();
    handler(request, response);
  };
  /**
   * Closes a connection on which HTTP cannot go on. It answers first, unless the answer could be taken for that of an earlier
   * request.
   *
   * @param error what fails the requests that are under way on it
   */
  const closeWith = (socket: Socket, { status }: Refusal, error: Error) => {
    const isAnotherOne = ({ headersSent, req }: ServerResponse) => headersSent || req.complete;
    if ([...(answering.get(socket) ?? [])].some(isAnotherOne)) socket.destroy(error);
    else {
      const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`;
      socket.end(head, () => socket.destroy(error));
    }
  };
  server.on("request", (request, response) => serve(request, response, false));
  server.on("checkContinue", (request, response) => serve(request, response, true));
  server.on("checkExpectation", (request, response) => {
    if (begin(request, response)) refuse(response, refusals.expectation);
  });
  server.on("connect", ({ socket }) => {
    onRefused("connect");
    // Node has let go of the connection.
    socket.on("error", ignore);
    closeWith(socket, refusals.connect, connectionClosed());
  });
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    const refusal = refusalOfError(error);
    // Once a connection ends, the rest of what comes over it fails as well.
    if (refusal === undefined || !(socket instanceof Socket) || !socket.writable) socket.destroy();
    else {
      onRefused(refusal.reason);
      closeWith(socket, refusal, error);
    }
  });

  return {
    serve(socket) {
      socket.setKeepAlive(true, tcpKeepAliveMs);
      server.emit("connection", socket);
      socket.once("close", () => {
        // Node has told them already, unless it has let go of the connection: after a CONNECT behind them.
        for (const response of answering.get(socket) ?? []) {
          response.req.destroy(connectionClosed());
          response.destroy();
        }
      });
    },
    close() {
      closing = true;
      closeIdle();
    },
    destroy() {
      server.close();
    },
  };
}

/** As RFC 9112 asks for in section 3.2. What it names is not looked at: there is one service here. */
function hasOneHost({ rawHeaders }: IncomingMessage): boolean {
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) if (rawHeaders[at]?.toLowerCase() === "host") hosts++;
  return hosts === 1;
}

/** @returns undefined where the connection has failed, and no answer would arrive */
function refusalOfError({ code = "" }: NodeJS.ErrnoException): Refusal | undefined {
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return refusals.timeout;
  if (code === "HPE_HEADER_OVERFLOW") return refusals.headers;
  if (code === "HPE_CHUNK_EXTENSIONS_OVERFLOW") return refusals.tooLarge;
  if (code === "HPE_INVALID_EOF_STATE") return refusals.unfinished;
  return code.startsWith("HPE_") ? refusals.malformed : undefined;
}

/** As Node says it to requests whose connection has closed. */
function connectionClosed(): Error {
  return Object.assign(new Error("aborted"), { code: "ECONNRESET" });
}

/** A connection that fails closes, and says nothing that anybody could act on. */
function ignore(): void {}
