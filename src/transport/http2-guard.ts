/** Ends HTTP/2 connections whose other end has gone, does nothing, or does harm. */
import { constants, type ServerHttp2Session } from "node:http2";

export interface Http2GuardLimits {
  /** How often the other end is asked whether it is there. If it has not answered until the next time, it is not. */
  readonly pingIntervalMs: number;
  /** After so long without a new stream, to the next ping, a connection is told to go away once its streams have ended. */
  readonly idleTimeoutMs: number;
}

/**
 * PING and SETTINGS frames that one connection may send at once, and each second. A client that estimates the bandwidth
 * sends a few each round trip.
 */
const controlFrameBurst = 1_000;
const controlFramesPerSecond = 500;

export function guardSession(session: ServerHttp2Session, limits: Http2GuardLimits): void {
  let isUsed = false;
  let usedAt = performance.now();
  session.on("stream", () => {
    isUsed = true;
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
    awaitingPong =
      !session.destroyed &&
      session.ping(() => {
        awaitingPong = false;
      });
  };
  const timer = setInterval(look, limits.pingIntervalMs).unref();
  session.once("close", () => clearInterval(timer));

  const frames = new Allowance(controlFrameBurst, controlFramesPerSecond);
  const count = () => {
    if (!frames.spend()) session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  };
  session.on("ping", count);
  session.on("remoteSettings", count);
}

/** So many at once, and so many more each second. */
class Allowance {
  readonly #burst: number;
  readonly #perSecond: number;
  #left: number;
  #at = performance.now();

  constructor(burst: number, perSecond: number) {
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#left = burst;
  }

  /** @returns false if there is none left */
  spend(): boolean {
    if (this.#left < 1) {
      const now = performance.now();
      this.#left = Math.min(this.#burst, this.#left + ((now - this.#at) / 1_000) * this.#perSecond);
      this.#at = now;
    }
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
