/** A header block that breaks RFC 7541. The tables of both ends may differ from now on, so the connection has to end. */
export class HpackError extends Error {}
