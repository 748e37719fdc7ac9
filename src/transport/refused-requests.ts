/** Requests that the transport refuses by itself, before anyone looks at their path. */
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";

/** The largest header list of a request, in bytes. */
export const maxHeaderListBytes = 16 * 1024;

/**
 * Why a request was refused without reaching a handler:
 * - `connect`: its method is CONNECT, and the server is no proxy.
 * - `expectation`: it expects something else than `100-continue`.
 * - `headers`: its headers are too large.
 * - `malformed`: it breaks the rules of HTTP.
 * - `pipelined`: too many requests before it wait on the same HTTP/1.1 connection.
 * - `reset`: its caller gave it up before it was whole, or before the server had seen it.
 * - `timeout`: it did not arrive in time.
 */
export type RefusalReason = "connect" | "expectation" | "headers" | "malformed" | "pipelined" | "reset" | "timeout";

export interface Refusal {
  readonly status: number;
  readonly reason: RefusalReason;
  /** For people, where the status does not say it all. */
  readonly text?: string;
}

export const refusals = {
  connect: { status: constants.HTTP_STATUS_METHOD_NOT_ALLOWED, reason: "connect" },
  expectation: { status: constants.HTTP_STATUS_EXPECTATION_FAILED, reason: "expectation" },
  headers: { status: constants.HTTP_STATUS_REQUEST_HEADER_FIELDS_TOO_LARGE, reason: "headers" },
  host: {
    status: constants.HTTP_STATUS_BAD_REQUEST,
    reason: "malformed",
    text: "a request needs the header Host, once\n",
  },
  malformed: { status: constants.HTTP_STATUS_BAD_REQUEST, reason: "malformed" },
  tooLarge: { status: constants.HTTP_STATUS_PAYLOAD_TOO_LARGE, reason: "malformed" },
  unfinished: { status: constants.HTTP_STATUS_BAD_REQUEST, reason: "reset" },
  timeout: { status: constants.HTTP_STATUS_REQUEST_TIMEOUT, reason: "timeout" },
} as const satisfies Record<string, Refusal>;

/** @returns undefined for a request that a handler may see */
export function refusalOf(
  headers: IncomingHttpHeaders,
  flags: number,
  rawHeaders: readonly string[],
): Refusal | undefined {
  if (headerListBytes(rawHeaders) > maxHeaderListBytes) return refusals.headers;
  const method = headers[":method"];
  if (method === "CONNECT") return refusals.connect;
  // Node ends the answer to HEAD before it has begun, and leaves the body unread.
  if (method === "HEAD" && (flags & constants.NGHTTP2_FLAG_END_STREAM) === 0) return refusals.malformed;
  if (headers.expect !== undefined && !asksToContinue(headers)) return refusals.expectation;
  return undefined;
}

/** Answers, and resets the stream: its body is dropped, and no more of it is sent. */
export function refuseStream(stream: ServerHttp2Stream, { status }: Refusal): void {
  stream.on("error", ignore).respond({ ":status": status }, { endStream: true });
  stream.close(constants.NGHTTP2_NO_ERROR);
}

/**
 * Lets a caller who waits for it send the body: RFC 9110, section 10.1.1.
 *
 * @returns the headers without that expectation, which is met
 */
export function meetExpectation(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): IncomingHttpHeaders {
  if (headers.expect === undefined) return headers;
  const { expect: _, ...others } = headers;
  stream.additionalHeaders({ ":status": constants.HTTP_STATUS_CONTINUE });
  return others;
}

function asksToContinue({ expect = "" }: IncomingHttpHeaders): boolean {
  return expect.trim().toLowerCase() === "100-continue";
}

/**
 * As SETTINGS_MAX_HEADER_LIST_SIZE counts it: RFC 9113, section 6.5.2. Node holds only those callers to the limit who have
 * acknowledged it.
 */
function headerListBytes(rawHeaders: readonly string[]): number {
  let bytes = 0;
  for (const text of rawHeaders) bytes += text.length;
  return bytes + (rawHeaders.length / 2) * 32;
}

/** The stream has been answered and reset: what fails on it after that changes nothing. */
function ignore(): void {}
