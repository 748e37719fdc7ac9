/** Closes HTTP/2 connections whose client has gone, is idle, or does harm. */
import { constants, type ServerHttp2Session } from "node:http2";
import type { Connection } from "../rpc/exchange.ts";
import type { CloseReason, ConnectionLimits } from "./http-server.ts";
import { watchLiveness } from "./session-liveness.ts";
import { SessionStreams } from "./session-streams.ts";

/**
 * PING and SETTINGS frames that may arrive together. Clients that measure the bandwidth wait for the answer to one before they
 * send the next.
 */
const maxControlFramesAtOnce = 20;

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
  watchLiveness(session, streams, limits, () => close("timeout"));
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
    if (together > maxControlFramesAtOnce) onTooMany();
  };
  session.on("ping", count);
  session.on("remoteSettings", count);
}
