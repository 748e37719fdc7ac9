/** Ends HTTP/2 connections whose other end has gone, does nothing, or does harm. */
import { constants, type Http2Session, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { Allowance } from "../rpc/allowance.ts";

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
/** A call that is reset so soon was never meant to be answered. */
const rapidResetMs = 10;
/** Such calls on one connection, at once and each second. */
const rapidResetBurst = 100;
const rapidResetsPerSecond = 20;

const ends = new WeakMap<Http2Session, () => void>();

/** Ends a connection for the harm that its calls do, which only those see who know what calls are. */
export function endForHarm(session: Http2Session): void {
  ends.get(session)?.();
}

/**
 * @param onHarm called when the connection is ended because of what its other end does
 * @returns whether a call on it has been answered, or begun to be
 */
export function guardSession(session: ServerHttp2Session, limits: Http2GuardLimits, onHarm: () => void): () => boolean {
  const harm = () => {
    if (session.destroyed) return;
    onHarm();
    session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  };

  ends.set(session, harm);

  let hasAnswered = false;
  /** The last, until one has been answered. */
  let unanswered: ServerHttp2Stream | undefined;
  let isUsed = false;
  let usedAt = performance.now();
  const resets = new Allowance(rapidResetBurst, rapidResetsPerSecond);
  session.on("stream", (stream: ServerHttp2Stream) => {
    isUsed = true;
    if (!hasAnswered) {
      hasAnswered = unanswered?.headersSent === true;
      unanswered = hasAnswered ? undefined : stream;
    }
    const beganAt = performance.now();
    const onReset = () => {
      if (performance.now() - beganAt < rapidResetMs && !resets.spend()) harm();
    };
    if (stream.destroyed) onReset();
    else stream.on("aborted", onReset);
  });

  let awaitingPong = false;
  const look = () => {
    if (awaitingPong) {
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
  const timer = setInterval(look, limits.pingIntervalMs).unref();
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
