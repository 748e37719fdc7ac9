/** HTTP/1.1 on connections that another server has accepted. */
import { createServer, type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import { Socket } from "node:net";
import type { HttpServer, HttpServerOptions } from "./http-server.ts";
import { Http1Exchange, isWaiting } from "./http1-exchange.ts";
import { ignore } from "./ignore.ts";
import { maxHeaderListBytes, type Refusal, refusalOfError, refusalOfRequest, refusals } from "./refused-requests.ts";

/** How often timeouts are checked. */
const timeoutCheckIntervalMs = 1_000;
/** After so long without traffic, TCP checks that the client is there: HTTP/1.1 has no PING. */
const tcpKeepAliveMs = 60_000;
/** How long a connection may be idle: longer than load balancers keep theirs. */
const keepAliveTimeoutMs = 75_000;
/** Unanswered requests of one connection. Few clients send a request before the last one is answered. */
const maxPipelined = 16;

/** @param onStalled called for each connection that is closed because nothing moved while a request was under way */
export function createHttp1Server(
  { handler, limits, onRefused, onClose }: HttpServerOptions,
  onStalled: () => void,
): HttpServer & { /** Stops its timers, once its connections have been destroyed. */ destroy(): void } {
  /** The answers that each connection still owes, where it owes any. */
  const owed = new Map<Socket, Set<ServerResponse>>();
  const owedOn = (socket: Socket) => [...(owed.get(socket) ?? [])];
  let closing = false;
  const server = createServer({
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    connectionsCheckingInterval: timeoutCheckIntervalMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    maxHeaderSize: maxHeaderListBytes,
    // `refusalOfRequest` checks it, and the refusal is counted.
    requireHostHeader: false,
  });
  // As many as fit into their bytes: Node would drop those beyond the thousandth.
  server.maxHeadersCount = 0;
  server.timeout = limits.stallTimeoutMs;
  // Node takes a connection for idle once its answer has ended, sent or not, and would not send the rest of it.
  const closeIdle = () => {
    if (closing && owed.size === 0) server.closeIdleConnections();
  };
  server.on("timeout", (socket) => {
    const responses = owedOn(socket);
    if (responses.length > 0) {
      if (responses.every((response) => isWaiting(response.req, response))) return;
      onStalled();
    }
    socket.destroy();
  });
  // Its timeouts begin with this event.
  server.emit("listening");

  /** @returns whether the request may be looked at */
  const begin = (request: IncomingMessage, response: ServerResponse): boolean => {
    const { socket } = request;
    // Node goes on with what it has read of a connection that has been closed.
    if (socket.destroyed) return false;
    // An exchange stops listening when its answer closes, and the request may fail after that.
    request.on("error", ignore);
    const responses = owed.get(socket) ?? new Set();
    owed.set(socket, responses.add(response));
    response.once("close", () => {
      responses.delete(response);
      if (responses.size > 0) return;
      owed.delete(socket);
      closeIdle();
    });
    if (closing) response.setHeader("connection", "close");
    if (responses.size <= maxPipelined) return true;
    onRefused("pipelined");
    onClose("harm", socket.remoteAddress ?? "");
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
    const refusal = refusalOfRequest(request);
    if (refusal !== undefined) {
      refuse(response, refusal);
      return;
    }
    if (waitsToContinue) response.writeContinue();
    handler(new Http1Exchange(request, response));
  };
  /**
   * Closes a connection on which HTTP cannot go on. It answers first, unless the answer could be taken for that of an earlier
   * request.
   *
   * @param error what fails the requests that are under way on it
   */
  const closeWith = (socket: Socket, { status, reason }: Refusal, error: Error) => {
    onRefused(reason);
    const isEarlier = ({ headersSent, req }: ServerResponse) => headersSent || req.complete;
    if (owedOn(socket).some(isEarlier)) socket.destroy(error);
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
    // Node no longer listens to the connection.
    socket.on("error", ignore);
    closeWith(socket, refusals.connect, connectionClosed());
  });
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    const refusal = refusalOfError(error);
    // Once a connection closes, the rest of what it has received fails too.
    if (refusal === undefined || !(socket instanceof Socket) || !socket.writable) socket.destroy();
    else closeWith(socket, refusal, error);
  });

  return {
    serve(socket) {
      socket.setKeepAlive(true, tcpKeepAliveMs);
      server.emit("connection", socket);
      socket.once("close", () => {
        // Node has told them already, unless a CONNECT came after them.
        for (const response of owedOn(socket)) {
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

/** As Node says it to requests whose connection has closed. */
function connectionClosed(): Error {
  return Object.assign(new Error("aborted"), { code: "ECONNRESET" });
}
