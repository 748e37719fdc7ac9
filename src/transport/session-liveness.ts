import type { ServerHttp2Session } from "node:http2";
import type { ConnectionLimits } from "./http-server.ts";
import type { SessionStreams } from "./session-streams.ts";

/** By how much the ages of connections differ, so that those that began together do not all reconnect together. */
const ageSpread = 0.1;

/**
 * Pings the client, and tells it to go away when the connection is idle or old.
 *
 * @param onTimeout called when the client has not answered a PING
 */
export function watchLiveness(
  session: ServerHttp2Session,
  streams: SessionStreams,
  limits: ConnectionLimits,
  onTimeout: () => void,
): void {
  let awaitingPong = false;
  let begun = 0;
  let usedAt = performance.now();
  const check = () => {
    streams.checkAll();
    if (awaitingPong) onTimeout();
    const now = performance.now();
    if (streams.begun !== begun) usedAt = now;
    else if (now - usedAt >= limits.idleTimeoutMs) session.close();
    begun = streams.begun;
    if (session.destroyed) return;
    awaitingPong = session.ping(() => {
      awaitingPong = false;
    });
  };
  const pings = setInterval(check, limits.pingIntervalMs).unref();
  const ageMs = limits.maxConnectionAgeMs * (1 + ageSpread * (2 * Math.random() - 1));
  const aging = Number.isFinite(ageMs) ? setTimeout(() => session.close(), ageMs).unref() : undefined;
  session.once("close", () => {
    clearInterval(pings);
    clearTimeout(aging);
  });
}
