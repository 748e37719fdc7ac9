/** Requests to the services that are open to all, health and reflection: what callers without credentials may use. */

import { TokenBucket } from "../../rate/token-bucket.ts";
import type { Connection } from "../exchange.ts";
import type { Evictable, Queue } from "./eviction.ts";

/** Under way on one HTTP/2 connection: most clients have one, a Watch. */
const maxPerConnection = 16;
/** Beyond that, on one connection, at once and each second, before the connection is ended. */
const refusalBurst = 50;
const refusalsPerSecond = 10;

class OnConnection implements Queue {
  readonly #all: Queue;
  readonly refusals = new TokenBucket(refusalBurst, refusalsPerSecond);
  underWay = 0;

  constructor(all: Queue) {
    this.#all = all;
  }

  add(request: Evictable): void {
    this.underWay++;
    this.#all.add(request);
  }

  delete(request: Evictable): void {
    this.underWay--;
    this.#all.delete(request);
  }
}

export class OpenRequests {
  readonly #all: Queue;
  readonly #perConnection = new WeakMap<Connection, OnConnection>();
  readonly #onRefused: () => void;

  /**
   * @param all those that are under way, of all connections
   * @param onRefused called for each request of a connection that has too many under way
   */
  constructor(all: Queue, onRefused: () => void) {
    this.#all = all;
    this.#onRefused = onRefused;
  }

  /**
   * Called before the request has cost anything. A connection that goes on asking for more than it may is ended.
   *
   * @param connection undefined where it carries no other requests
   * @returns the queue that counts the request from its beginning to its end; undefined if it is refused
   */
  enter(connection: Connection | undefined): Queue | undefined {
    if (connection === undefined) return this.#all;
    let known = this.#perConnection.get(connection);
    if (known === undefined) {
      known = new OnConnection(this.#all);
      this.#perConnection.set(connection, known);
    }
    if (known.underWay < maxPerConnection) return known;
    this.#onRefused();
    if (!known.refusals.take()) connection.closeForHarm();
    return undefined;
  }
}
