/** Ends HTTP/2 connections whose other end has gone, does nothing, or does harm. */
import { constants, type Http2Session, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { Connection } from "../rpc/exchange.ts";
import { ResetBudget } from "./reset-budget.ts";

export interface Http2GuardLimits {
  /** How often the other end is asked whether it is there. If it has not answered until the next time, it is not. */
  readonly pingIntervalMs: number;
  /** After so long without a new stream, to the next ping, a connection is told to go away once its streams have ended. */
  readonly idleTimeoutMs: number;
  /** After about so long, a connection is told to go away once its streams have ended; Infinity for never. */
  readonly maxConnectionAgeMs: number;
}

/**
 * PING and SETTINGS frames that come in one go. Who waits for the answer to one before the next, as clients do that
 * measure the bandwidth, never comes near.
 */
const maxControlFramesAtOnce = 20;
/** By how much the age of connections differs, so that those that began together do not all begin anew together. */
const ageSpread = 0.1;
/** Streams that are looked at for each that begins: more than one, so that none waits long for it. */
const streamsLookedAt = 2;
/** Answers that show that the callers at an address mean no harm. */
const answersToForgive = 100;

/**
 * Why a connection is ended: `harm`, for what its other end does; `resets`, because it resets more calls than it may, and is
 * answered others; `timeout`, because its other end does not answer a PING.
 */
export type EndReason = "harm" | "resets" | "timeout";

export interface Http2GuardEvents {
  readonly onEnd: (reason: EndReason) => void;
  /** Called each time that so many calls have been answered that one connection that did harm is forgiven. */
  readonly onManyAnswers: () => void;
}

const connections = new WeakMap<Http2Session, Connection>();

/** A session's connection, for those who see what harm its calls do. Undefined for a session that nobody guards. */
export function connectionOf(session: Http2Session): Connection | undefined {
  return connections.get(session);
}

/** @returns whether a call on it has been answered, or begun to be */
export function guardSession(
  session: ServerHttp2Session,
  limits: Http2GuardLimits,
  { onEnd, onManyAnswers }: Http2GuardEvents,
): () => boolean {
  const end = (reason: EndReason) => {
    if (session.destroyed) return;
    onEnd(reason);
    session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  };
  const harm = () => end("harm");

  connections.set(session, { endForHarm: harm });

  let hasAnswered = false;
  /** The last, until one has been answered. */
  let unanswered: ServerHttp2Stream | undefined;
  let isUsed = false;
  let usedAt = performance.now();
  const resets = new ResetBudget();
  const onReset = (beganAt: number) => {
    if (!session.destroyed && !resets.reset(performance.now() - beganAt)) end(resets.isFlood ? "harm" : "resets");
  };
  /** Streams that are not known to be over, with when they began. To listen for the end of each would cost every call. */
  const open = new Map<ServerHttp2Stream, number>();
  /** Looks at the streams that have waited the longest for it, so many of them. */
  const look = (count: number) => {
    let left = count;
    for (const [stream, beganAt] of open) {
      if (left-- <= 0) return;
      open.delete(stream);
      if (!stream.closed && !stream.destroyed) open.set(stream, beganAt);
      else if (!stream.aborted) judge(stream, beganAt);
    }
  };
  const judge = (stream: ServerHttp2Stream, beganAt: number) => {
    // Its answer may have been ready, and was not taken.
    if (stream.rstCode !== constants.NGHTTP2_NO_ERROR || !stream.headersSent) {
      onReset(beganAt);
      return;
    }
    resets.answered();
    if (resets.answers % answersToForgive === 0) onManyAnswers();
  };
  session.on("stream", (stream: ServerHttp2Stream) => {
    isUsed = true;
    if (!hasAnswered) {
      hasAnswered = unanswered?.headersSent === true;
      unanswered = hasAnswered ? undefined : stream;
    }
    const beganAt = performance.now();
    const onAborted = () => {
      // What has been answered meanwhile counts before it.
      look(open.size);
      onReset(beganAt);
    };
    if (stream.aborted || stream.destroyed) {
      onAborted();
      return;
    }
    stream.on("aborted", onAborted);
    look(streamsLookedAt);
    open.set(stream, beganAt);
  });

  let awaitingPong = false;
  const checkAlive = () => {
    look(open.size);
    if (awaitingPong) {
      onEnd("timeout");
      session.destroy();
      return;
    }
    const now = performance.now();
    if (isUsed) usedAt = now;
    else if (now - usedAt >= limits.idleTimeoutMs) session.close();
    isUsed = false;
    if (session.destroyed) return;
    awaitingPong = session.ping(() => {
      awaitingPong = false;
    });
  };
  const timer = setInterval(checkAlive, limits.pingIntervalMs).unref();
  const ageMs = limits.maxConnectionAgeMs * (1 + ageSpread * (2 * Math.random() - 1));
  const aging = Number.isFinite(ageMs) ? setTimeout(() => session.close(), ageMs).unref() : undefined;
  session.once("close", () => {
    clearInterval(timer);
    clearTimeout(aging);
  });

  let framesAtOnce = 0;
  const count = () => {
    if (framesAtOnce++ === 0) {
      setImmediate(() => {
        framesAtOnce = 0;
      });
    }
    if (framesAtOnce > maxControlFramesAtOnce) harm();
  };
  session.on("ping", count);
  session.on("remoteSettings", count);

  return () => hasAnswered || unanswered?.headersSent === true;
}
