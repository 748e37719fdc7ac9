/** What the servers of both protocols share. Each serves connections that the listener has accepted. */
import type { Socket } from "node:net";
import { defaultServerLimits } from "../config/server-limits.ts";
import type { GoawayReason } from "../http2/errors.ts";
import type { ExchangeHandler } from "../rpc/exchange.ts";
import type { RefusalReason } from "./refused-requests.ts";

/** Limits of all connections together, and of each. */
export interface ConnectionLimits {
  /** Connections beyond it are closed at once. */
  readonly maxConnections: number;
  /** How long a connection may take to show its protocol, or to agree on TLS. */
  readonly sniffTimeoutMs: number;
  /** How long an HTTP/1.1 client may take to send a request's headers, to the next full second. */
  readonly headersTimeoutMs: number;
  /** How long an HTTP/1.1 client may take to send a whole request, to the next full second. */
  readonly requestTimeoutMs: number;
  /** How long nothing may move on an HTTP/1.1 connection, or on a refused stream, unless requests are complete and wait for answers. */
  readonly stallTimeoutMs: number;
  /** How often an HTTP/2 client gets a PING. It has to answer before the next one; docs/http2.md has the exception. */
  readonly pingIntervalMs: number;
  /** After this time without a new stream, to the next PING, a connection is told to go away once its streams have ended. */
  readonly idleTimeoutMs: number;
  /** At about this age, a connection is told to go away once its streams have ended; Infinity for never. */
  readonly maxConnectionAgeMs: number;
}

export const defaultLimits: ConnectionLimits = {
  maxConnections: defaultServerLimits.maxConnections,
  sniffTimeoutMs: 10_000,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  stallTimeoutMs: defaultServerLimits.stallTimeoutMs,
  pingIntervalMs: 30_000,
  idleTimeoutMs: 30 * 60_000,
  maxConnectionAgeMs: defaultServerLimits.maxConnectionAgeMs,
};

/**
 * Why a connection is closed: `harm`, for what its client does; `resets`, because its client resets too many calls, but takes
 * answers to others; `timeout`, because its client does not answer a PING.
 */
export type CloseReason = "harm" | "resets" | "timeout";

export interface HttpServerOptions {
  readonly handler: ExchangeHandler;
  readonly limits: ConnectionLimits;
  /** Called for each request that is refused before it reaches the handler. */
  readonly onRefused: (reason: RefusalReason) => void;
  /** Called for each connection that is closed, with its client's address. */
  readonly onClose: (reason: CloseReason, address: string) => void;
  /** Called for each connection that Rollcall's own HTTP/2 ends. `what` says more, for people. */
  readonly onGoaway: (reason: GoawayReason, what: string) => void;
}

export interface HttpServer {
  serve(socket: Socket): void;
  /**
   * Tells connections to go away. Those of HTTP/2 close once their calls have ended. HTTP/1.1 cannot tell an idle client: its
   * connections close with their next answer, or when no HTTP/1.1 request is under way any more.
   */
  close(): void;
}
