import { randomBytes } from "node:crypto";

export interface LivenessLimits {
  /** How often a client gets a PING. It has to answer before the next one, or within three intervals if it goes on sending. */
  readonly pingIntervalMs: number;
  /** After this time without a new stream, to the next PING, a connection is told to go away. */
  readonly idleTimeoutMs: number;
  /** At about this age, a connection is told to go away; Infinity for never. */
  readonly maxConnectionAgeMs: number;
}

/** A connection of either HTTP/2 layer. */
export interface Watched {
  readonly streams: { /** So far. */ readonly begun: number };
  /** When the client last sent anything, by `performance.now()`; -Infinity if the layer cannot tell. */
  readonly heardAt: number;
  /** @returns whether it is sent */
  ping(payload: Buffer): boolean;
  /** Tells the client to go away. */
  close(reason: "idle" | "age"): void;
  /** The client has not answered a PING. */
  onPingTimeout(): void;
}

export interface Liveness {
  /** @returns whether a PING with this payload waits for its answer */
  onPong(payload: Buffer): boolean;
  stop(): void;
}

/** By how much the ages of connections differ, so that those that began together do not all reconnect together. */
const ageSpread = 0.1;
/**
 * How many intervals a client may take to answer a PING while it goes on sending. What it has sent before, as a large upload,
 * delays its answer.
 */
const intervalsToAnswer = 3;

/** Pings the client, and tells it to go away when the connection is idle or old. */
export function watchLiveness(connection: Watched, limits: LivenessLimits): Liveness {
  let awaited: Buffer | undefined;
  let intervals = 0;
  let begun = 0;
  let usedAt = performance.now();
  let checkedAt = usedAt;
  const check = () => {
    if (awaited !== undefined) {
      intervals++;
      if (intervals === intervalsToAnswer || connection.heardAt <= checkedAt) {
        connection.onPingTimeout();
        return;
      }
    }
    checkedAt = performance.now();
    if (connection.streams.begun !== begun) usedAt = checkedAt;
    else if (checkedAt - usedAt >= limits.idleTimeoutMs) connection.close("idle");
    begun = connection.streams.begun;
    if (awaited === undefined) ping();
  };
  const ping = () => {
    // A client that reads nothing cannot guess it.
    const payload = randomBytes(8);
    if (connection.ping(payload)) awaited = payload;
    intervals = 0;
  };
  const timer = setInterval(check, limits.pingIntervalMs).unref();
  const ageMs = limits.maxConnectionAgeMs * (1 + ageSpread * (2 * Math.random() - 1));
  const aging = Number.isFinite(ageMs) ? setTimeout(() => connection.close("age"), ageMs).unref() : undefined;
  return {
    onPong(payload) {
      if (awaited === undefined || !payload.equals(awaited)) return false;
      awaited = undefined;
      return true;
    },
    stop() {
      clearInterval(timer);
      clearTimeout(aging);
    },
  };
}
