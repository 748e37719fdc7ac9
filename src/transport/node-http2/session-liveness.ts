import type { ServerHttp2Session } from "node:http2";
import { type LivenessLimits, watchLiveness } from "../../http2/liveness.ts";
import type { SessionStreams } from "./session-streams.ts";

/**
 * Pings the client of a session, and tells it to go away when the session is idle or old.
 *
 * @param onTimeout called when the client has not answered a PING
 */
export function watchSession(
  session: ServerHttp2Session,
  streams: SessionStreams,
  limits: LivenessLimits,
  onTimeout: () => void,
): void {
  const liveness = watchLiveness(
    {
      streams,
      heardAt: Number.NEGATIVE_INFINITY,
      ping(payload) {
        streams.checkAll();
        return !session.destroyed && session.ping(payload, () => liveness.onPong(payload));
      },
      close: () => session.close(),
      onPingTimeout: onTimeout,
    },
    limits,
  );
  session.once("close", () => liveness.stop());
}
