/** Closes HTTP/2 connections whose client has gone, is idle, or does harm. */
import { constants, type ServerHttp2Session } from "node:http2";
import { limits as shared } from "../../http2/limits.ts";
import type { Connection } from "../../rpc/exchange.ts";
import type { CloseReason, ConnectionLimits } from "../http-server.ts";
import { watchSession } from "./session-liveness.ts";
import { SessionStreams } from "./session-streams.ts";

export interface SessionGuard extends Connection {
  /** Whether a call has been answered, or begun to be. */
  readonly hasAnswered: boolean;
}

/** @param onManyAnswers called each time that enough calls have been answered to forgive one harmful connection */
export function guardSession(
  session: ServerHttp2Session,
  limits: ConnectionLimits,
  onClose: (reason: CloseReason) => void,
  onManyAnswers: () => void,
): SessionGuard {
  const close = (reason: CloseReason) => {
    if (session.destroyed) return;
    onClose(reason);
    session.destroy(undefined, reason === "timeout" ? undefined : constants.NGHTTP2_ENHANCE_YOUR_CALM);
  };
  const closeForHarm = () => close("harm");
  const streams = new SessionStreams(session, (isFlood) => close(isFlood ? "harm" : "resets"), onManyAnswers);
  watchSession(session, streams, limits, () => close("timeout"));
  limitControlFrames(session, closeForHarm);
  return {
    closeForHarm,
    get hasAnswered() {
      return streams.hasAnswered;
    },
  };
}

function limitControlFrames(session: ServerHttp2Session, onTooMany: () => void): void {
  let together = 0;
  const count = () => {
    if (together++ === 0) {
      setImmediate(() => {
        together = 0;
      });
    }
    if (together > shared.controlFramesAtOnce) onTooMany();
  };
  session.on("ping", count);
  session.on("remoteSettings", count);
}
