/** Requests to the services that are open to all, health and reflection: what callers whom nobody knows may take. */
import { constants, type Http2Session, type ServerHttp2Stream } from "node:http2";
import { OldestOut, type Sheddable } from "./oldest-out.ts";

/** Under way on one HTTP/2 connection: most clients have one, a Watch. */
const maxPerConnection = 16;

export class OpenRequests {
  readonly #all: OldestOut;
  readonly #perConnection = new WeakMap<Http2Session, number>();

  /** @param max under way at one time; for one more, the oldest is ended */
  constructor(max: number) {
    this.#all = new OldestOut(max);
  }

  /**
   * Called before the request has cost anything; `leave` follows.
   *
   * @param stream where it comes over HTTP/2; it is reset if its connection has too many under way
   * @returns whether it may be served
   */
  enter(request: Sheddable, stream: ServerHttp2Stream | undefined): boolean {
    const session = stream?.session;
    if (session !== undefined) {
      const underWay = this.#perConnection.get(session) ?? 0;
      if (underWay >= maxPerConnection) {
        stream?.on("error", ignore).close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
        return false;
      }
      this.#perConnection.set(session, underWay + 1);
      stream?.once("close", () => this.#perConnection.set(session, (this.#perConnection.get(session) ?? 1) - 1));
    }
    this.#all.add(request);
    return true;
  }

  leave(request: Sheddable): void {
    this.#all.delete(request);
  }
}

/** It has been reset: its caller knows. */
function ignore(): void {}
