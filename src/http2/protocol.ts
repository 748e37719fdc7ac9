/** Numbers of RFC 9113: https://www.rfc-editor.org/rfc/rfc9113 */

/** What a client sends first: section 3.4. */
export const preface: Buffer = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/** A frame's length, type, flags and stream stand in front of its payload: section 4.1. */
export const frameHeaderBytes = 9;

/** Section 6. */
export const frameType = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

/** ACK is for SETTINGS and PING. */
export const flag = { ack: 1, endStream: 1, endHeaders: 4, padded: 8, priority: 32 } as const;

/** Section 7. */
export const errorCode = {
  noError: 0,
  protocolError: 1,
  internalError: 2,
  flowControlError: 3,
  settingsTimeout: 4,
  streamClosed: 5,
  frameSizeError: 6,
  refusedStream: 7,
  cancel: 8,
  compressionError: 9,
  connectError: 10,
  enhanceYourCalm: 11,
} as const;

/** Section 6.5.2. */
export const setting = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
} as const;

/** What applies until a peer's SETTINGS say otherwise: section 6.5.2, and section 6.9.2 for the window of a connection. */
export const initial = { windowBytes: 65_535, frameBytes: 16_384 } as const;

/** The largest window, and the largest id of a stream: 31 bits. */
export const maxInt31: number = 2 ** 31 - 1;
/** The largest frame that SETTINGS_MAX_FRAME_SIZE may ask for. */
export const maxFrameBytes: number = 2 ** 24 - 1;
/** What the priority in HEADERS and PRIORITY takes: section 6.3. */
export const priorityBytes = 5;
