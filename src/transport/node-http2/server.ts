/** Node's HTTP/2 on connections that another server has accepted. */
import { createServer, type Http2Session, type ServerHttp2Stream } from "node:http2";
import { limits as shared } from "../../http2/limits.ts";
import { resetBurst, resetsPerSecond } from "../../http2/reset-budget.ts";
import type { HttpServer, HttpServerOptions } from "../http-server.ts";
import { ignore } from "../ignore.ts";
import { maxHeaderListBytes, meetExpectation, refusalOfStream, refuseStream } from "../refused-requests.ts";
import { Http2Exchange } from "./exchange.ts";
import { guardSession, type SessionGuard } from "./guard.ts";

/** Memory that one connection may hold, in megabytes. */
const maxSessionMemoryMegabytes = 64;
/** Node's own limits on resets also break connections that are answered. The guard closes others before they are reached. */
const streamResetBurst = 2 * resetBurst;
const streamResetRate = 2 * resetsPerSecond;

/** Errors of a session whose client breaks the protocol. */
const protocolErrors: ReadonlySet<string> = new Set(["ERR_HTTP2_ERROR", "ERR_HTTP2_TOO_MANY_INVALID_FRAMES"]);

/**
 * Node's number for a frame that breaks the protocol. grpc-go says goodbye with one, a GOAWAY whose last stream could not have
 * been the server's: after an answer, it is no harm.
 */
const protocolViolation = -505;

/** @param onManyAnswers called with an address where enough calls have been answered to forgive one harmful connection */
export function createNodeHttp2Server(
  { handler, limits, onRefused, onClose }: HttpServerOptions,
  onManyAnswers: (address: string) => void,
): HttpServer {
  const guards = new Map<Http2Session, SessionGuard>();
  let closing = false;
  const server = createServer({
    maxSessionMemory: maxSessionMemoryMegabytes,
    streamResetBurst,
    streamResetRate,
    // As many as fit into their bytes: Node would reset a stream with more than 128, and tell nobody.
    maxHeaderListPairs: maxHeaderListBytes / 32,
    settings: {
      maxConcurrentStreams: shared.streams,
      maxHeaderListSize: maxHeaderListBytes,
      initialWindowSize: shared.streamWindowBytes,
    },
  });
  server.on("stream", (stream, headers, flags, rawHeaders) => {
    // The client, or its connection, has closed it already, perhaps with an error.
    if (stream.closed || stream.destroyed) {
      stream.on("error", ignore);
      onRefused("reset");
      return;
    }
    const refusal = refusalOfStream(headers, flags, rawHeaders);
    if (refusal !== undefined) {
      refuseStream(stream, refusal);
      onRefused(refusal.reason);
      return;
    }
    clearTimeoutWith(stream);
    const connection = stream.session && guards.get(stream.session);
    handler(new Http2Exchange(stream, meetExpectation(stream, headers), rawHeaders, connection));
  });
  server.on("session", (session) => {
    session.once("close", () => guards.delete(session));
    session.setLocalWindowSize(shared.connectionWindowBytes);
    const address = session.socket.remoteAddress ?? "";
    const guard = guardSession(
      session,
      limits,
      (reason) => onClose(reason, address),
      () => onManyAnswers(address),
    );
    guards.set(session, guard);
    session.on("error", (error: NodeJS.ErrnoException) => {
      const isGoodbye = error.errno === protocolViolation && guard.hasAnswered;
      if (protocolErrors.has(error.code ?? "") && !isGoodbye) onClose("harm", address);
      session.destroy();
    });
    if (closing) session.close();
  });
  server.on("sessionError", ignore);

  return {
    serve: (socket) => void server.emit("connection", socket),
    close() {
      closing = true;
      for (const session of guards.keys()) session.close();
    },
  };
}

/**
 * Node leaves the timeout of a stream that is destroyed before it is closed, as when its connection breaks. The timer would keep
 * the stream in memory, with its request and its answer.
 */
function clearTimeoutWith(stream: ServerHttp2Stream): void {
  const destroy = stream.destroy.bind(stream);
  stream.destroy = (error) => {
    stream.setTimeout(0);
    return destroy(error);
  };
}
