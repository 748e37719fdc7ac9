/**
 * Why a server says goodbye. The first three are its own decision; `client` is a client that says goodbye with an error. Then come a
 * client that does not answer a PING, resets too many streams (`resets` if it also takes answers, `reset_flood` if it hardly
 * does), or breaks the protocol. Each of the others is a limit that the client has gone beyond.
 */
export type GoawayReason =
  | "drain"
  | "age"
  | "idle"
  | "client"
  | "ping_timeout"
  | "resets"
  | "reset_flood"
  | "protocol"
  | "compression"
  | "header_block"
  | "control_frames"
  | "idle_frames"
  | "harm"
  | "internal";

/** A connection error: RFC 9113, section 5.4.1. The connection cannot go on. */
export class ConnectionError extends Error {
  /** For GOAWAY. */
  readonly code: number;
  readonly reason: GoawayReason;

  constructor(code: number, message: string, reason: GoawayReason = "protocol") {
    super(message);
    this.code = code;
    this.reason = reason;
  }
}
