/** Requests to the services that are open to all, health and reflection: what callers whom nobody knows may take. */
import { constants, type Http2Session, type ServerHttp2Stream } from "node:http2";
import { TokenBucket } from "../../transport/token-bucket.ts";
import type { OldestOut, Sheddable } from "./eviction.ts";

/** Under way on one HTTP/2 connection: most clients have one, a Watch. */
const maxPerConnection = 16;
/** Beyond that, on one connection, at once and each second, before the connection is ended. */
const refusalBurst = 50;
const refusalsPerSecond = 10;

export interface OpenRequestsEvents {
  /** Called with a connection that goes on asking for more than it may. */
  readonly onHarm: (session: Http2Session) => void;
  /** Called for each request of a connection that has too many under way. */
  readonly onRefused: () => void;
}

interface OnConnection {
  underWay: number;
  readonly refusals: TokenBucket;
}

export class OpenRequests {
  readonly #all: OldestOut;
  readonly #perConnection = new WeakMap<Http2Session, OnConnection>();
  readonly #onHarm: (session: Http2Session) => void;
  readonly #onRefused: () => void;

  /** @param all those that are under way, of all connections */
  constructor(all: OldestOut, { onHarm, onRefused }: OpenRequestsEvents) {
    this.#all = all;
    this.#onHarm = onHarm;
    this.#onRefused = onRefused;
  }

  /**
   * Called before the request has cost anything; `leave` follows.
   *
   * @param stream where it comes over HTTP/2; it is reset if its connection has too many under way
   * @returns whether it may be served
   */
  enter(request: Sheddable, stream: ServerHttp2Stream | undefined): boolean {
    if (stream?.session !== undefined && !this.#enterConnection(stream, stream.session)) return false;
    this.#all.add(request);
    return true;
  }

  #enterConnection(stream: ServerHttp2Stream, session: Http2Session): boolean {
    const known = this.#perConnection.get(session);
    const connection = known ?? { underWay: 0, refusals: new TokenBucket(refusalBurst, refusalsPerSecond) };
    if (known === undefined) this.#perConnection.set(session, connection);
    if (connection.underWay >= maxPerConnection) {
      stream.on("error", ignore).close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
      this.#onRefused();
      if (!connection.refusals.take()) this.#onHarm(session);
      return false;
    }
    connection.underWay++;
    stream.once("close", () => connection.underWay--);
    return true;
  }

  leave(request: Sheddable): void {
    this.#all.delete(request);
  }
}

/** It has been reset: its caller knows. */
function ignore(): void {}
