/** Rollcall's own HTTP/2 on connections that another server has accepted. */
import type { Socket } from "node:net";
import { namesShownBy } from "../../credentials/peer.ts";
import { Connection } from "../../http2/connection.ts";
import type { GoawayReason } from "../../http2/errors.ts";
import { errorCode } from "../../http2/protocol.ts";
import type { Stream } from "../../http2/stream.ts";
import type { CloseReason, HttpServer, HttpServerOptions } from "../http-server.ts";
import { type Refusal, refusalOfHead, refusals, withoutExpectation } from "../refused-requests.ts";
import { OwnHttp2Exchange } from "./exchange.ts";

/** Why connections are counted as closed early. Those that are drained, old or idle are not, nor what the client ends. */
const closeReasons: Readonly<Partial<Record<GoawayReason, CloseReason>>> = {
  ping_timeout: "timeout",
  resets: "resets",
  reset_flood: "harm",
  protocol: "harm",
  compression: "harm",
  header_block: "harm",
  control_frames: "harm",
  idle_frames: "harm",
  harm: "harm",
};

/** @param onManyAnswers called with an address where enough calls have been answered to forgive one harmful connection */
export function createOwnHttp2Server(
  { handler, limits, onRefused, onClose, onGoaway }: HttpServerOptions,
  onManyAnswers: (address: string) => void,
): HttpServer {
  const connections = new Set<Connection>();
  let closing = false;
  const refuse = (stream: Stream, { status, reason }: Refusal) => {
    stream.resetWhenStalled(limits.stallTimeoutMs, () => {});
    stream.respondOnly(status, {});
    onRefused(reason);
  };

  return {
    serve(socket: Socket) {
      // Once the socket has closed, it has none.
      const address = socket.remoteAddress ?? "";
      const certificateNames = namesShownBy(socket);
      const shared = {
        certificateNames,
        closeForHarm: () => connection.end("harm", errorCode.enhanceYourCalm, "its requests do harm"),
      };
      const connection = new Connection(socket, {
        limits,
        onStream(stream) {
          const { head } = stream;
          const refusal = head.isTooLarge ? refusals.headers : refusalOfHead(head.headers, stream.hasRequest);
          if (refusal !== undefined) {
            refuse(stream, refusal);
            return;
          }
          if (head.headers.expect !== undefined) stream.continue();
          handler(new OwnHttp2Exchange(stream, withoutExpectation(head.headers), shared));
        },
        onMalformed: () => onRefused("malformed"),
        onGoaway(reason, what) {
          onGoaway(reason, what);
          const closeReason = closeReasons[reason];
          if (closeReason !== undefined) onClose(closeReason, address);
        },
        onManyAnswers: () => onManyAnswers(address),
        onClosed: () => connections.delete(connection),
      });
      connections.add(connection);
      if (closing) connection.close("drain");
    },
    close() {
      closing = true;
      for (const connection of connections) connection.close("drain");
    },
  };
}
