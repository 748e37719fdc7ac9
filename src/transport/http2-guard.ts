/** Closes HTTP/2 connections whose client has gone, is idle, or does harm. */
import { constants, type Http2Session, type ServerHttp2Session } from "node:http2";
import type { Connection } from "../rpc/exchange.ts";
import type { CloseReason, ConnectionLimits } from "./http-server.ts";
import { watchLiveness } from "./session-liveness.ts";
import { SessionStreams } from "./session-streams.ts";

/**
 * PING and SETTINGS frames that may arrive together. Clients that measure the bandwidth wait for the answer to one before they
 * send the next.
 */
const maxControlFramesAtOnce = 20;

const connections = new WeakMap<Http2Session, Connection>();

/** A session's connection, for those who see what harm its calls do; undefined for a session without a guard. */
export function connectionOf(session: Http2Session): Connection | undefined {
  return connections.get(session);
}

/**
 * @param onManyAnswers called each time that enough calls have been answered to forgive one harmful connection
 * @returns the session's streams
 */
export function guardSession(
  session: ServerHttp2Session,
  limits: ConnectionLimits,
  onClose: (reason: CloseReason) => void,
  onManyAnswers: () => void,
): SessionStreams {
  const close = (reason: CloseReason) => {
    if (session.destroyed) return;
    onClose(reason);
    session.destroy(undefined, reason === "timeout" ? undefined : constants.NGHTTP2_ENHANCE_YOUR_CALM);
  };
  const onHarm = () => close("harm");
  connections.set(session, { closeForHarm: onHarm });
  const streams = new SessionStreams(session, (isFlood) => close(isFlood ? "harm" : "resets"), onManyAnswers);
  watchLiveness(session, streams, limits, () => close("timeout"));
  limitControlFrames(session, onHarm);
  return streams;
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
