/**
 * The limits of one connection, on Node's HTTP/2 as well where that has them, beside those that its server sets. docs/http2.md lists
 * them with their tests.
 */
export const limits = {
  /** Open streams. It is announced; one more is refused. */
  streams: 1_024,
  /** What the client may send ahead on a stream, and on the connection. */
  streamWindowBytes: 512 * 1024,
  connectionWindowBytes: 16 * 1024 * 1024,
  /** The longest frame that the client may send, which is also the longest that the server sends. */
  frameBytes: 16_384,
  /** The header list of a request, as section 6.5.2 of RFC 9113 counts it. It is announced; a larger one is answered with 431. */
  headerListBytes: 16 * 1024,
  /** A header list is decoded up to this size. Beyond it the connection closes: a few bytes can stand for very many. */
  decodedHeaderBytes: 64 * 1024,
  /** One header block, encoded, and the frames that it comes in. */
  headerBlockBytes: 64 * 1024,
  headerBlockFrames: 32,
  /** Bytes of answers that wait for the socket: streams wait for room. Answers to control frames may exceed it a little. */
  outputBytes: 64 * 1024,
  /** Bytes of one answer that may wait before its handler has to. */
  unsentBytes: 64 * 1024,
  /** With so many bytes waiting for the socket, nothing more is read. */
  outputBytesToPause: 256 * 1024,
  /** Requests of one connection in a turn of the event loop. Then those of others have their turn. */
  requestsInTurn: 32,
  /** Settings in one frame. There are six that a client may know. */
  settingsInFrame: 32,
  /**
   * PING and SETTINGS frames that arrive in one turn of the event loop. Clients that measure the bandwidth wait for
   * the answer to one before they send the next.
   */
  controlFramesAtOnce: 20,
  /** Frames that carry no work: at once, for each second, for each frame that carries work, and at most for those. */
  idleFrames: 1_000,
  idleFramesPerSecond: 100,
  idleFramesEarned: 4,
  idleFramesEarnedAtMost: 16_384,
  /** A DATA frame with fewer bytes carries no work if the client's window made it so small. */
  smallDataBytes: 64,
  /** How long a client may take to answer the PING that goes with the first of two GOAWAYs. */
  goawayMs: 1_000,
  /** How long a client may take to end its request once the answer is complete: some take a reset that comes sooner for a failure. */
  requestEndMs: 250,
  /** How long a client may take none of the last answers, when the connection closes because nothing is under way. */
  lastAnswersMs: 30_000,
  /** How long a client may take to close the connection once the server has. */
  lingerMs: 1_000,
} as const;
