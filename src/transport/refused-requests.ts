/** Requests that the transport refuses itself, whatever their path is. */
import type { IncomingMessage } from "node:http";
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { limits } from "../http2/limits.ts";
import { ignore } from "./ignore.ts";

/** The largest header list of a request, in bytes. */
export const maxHeaderListBytes: number = limits.headerListBytes;

/**
 * Why a request was refused before it reached a handler:
 * - `connect`: its method is CONNECT, and the server is no proxy.
 * - `expectation`: it has an Expect header other than `100-continue`.
 * - `headers`: its headers are too large.
 * - `malformed`: it breaks the rules of HTTP.
 * - `pipelined`: too many earlier requests wait on the same HTTP/1.1 connection.
 * - `reset`: the client reset it before all of it had arrived, or before the server had seen it.
 * - `timeout`: it did not arrive in time.
 */
export type RefusalReason = "connect" | "expectation" | "headers" | "malformed" | "pipelined" | "reset" | "timeout";

export interface Refusal {
  readonly status: number;
  readonly reason: RefusalReason;
  /** For people, where the status does not say enough. */
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

/** @returns undefined for a stream of Node's HTTP/2 that may reach a handler */
export function refusalOfStream(
  headers: IncomingHttpHeaders,
  flags: number,
  rawHeaders: readonly string[],
): Refusal | undefined {
  if (headerListBytes(rawHeaders) > maxHeaderListBytes) return refusals.headers;
  return refusalOfHead(headers, (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0);
}

/**
 * @param isWhole whether nothing follows the headers
 * @returns undefined for a request over HTTP/2 that may reach a handler
 */
export function refusalOfHead(headers: IncomingHttpHeaders, isWhole: boolean): Refusal | undefined {
  const method = headers[":method"];
  if (method === "CONNECT") return refusals.connect;
  // HEAD has no body, and its answer ends with its headers.
  if (method === "HEAD" && !isWhole) return refusals.malformed;
  if (headers.expect !== undefined && !asksToContinue(headers)) return refusals.expectation;
  return undefined;
}

/** Answers, and resets the stream: its body is dropped, and the client sends no more of it. */
export function refuseStream(stream: ServerHttp2Stream, { status }: Refusal): void {
  stream.on("error", ignore).respond({ ":status": status }, { endStream: true });
  stream.close(constants.NGHTTP2_NO_ERROR);
}

/**
 * Answers `100 Continue` to a client that waits for it before it sends the body: RFC 9110, section 10.1.1.
 *
 * @returns the headers without that expectation
 */
export function meetExpectation(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): IncomingHttpHeaders {
  if (headers.expect !== undefined) stream.additionalHeaders({ ":status": constants.HTTP_STATUS_CONTINUE });
  return withoutExpectation(headers);
}

export function withoutExpectation(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  if (headers.expect === undefined) return headers;
  const { expect: _, ...others } = headers;
  return others;
}

function asksToContinue({ expect = "" }: IncomingHttpHeaders): boolean {
  return expect.trim().toLowerCase() === "100-continue";
}

/**
 * As SETTINGS_MAX_HEADER_LIST_SIZE counts it: RFC 9113, section 6.5.2. Node applies the limit only to clients that have
 * acknowledged it.
 */
function headerListBytes(rawHeaders: readonly string[]): number {
  let bytes = 0;
  for (const text of rawHeaders) bytes += text.length;
  return bytes + (rawHeaders.length / 2) * 32;
}

/** @returns undefined for a request of HTTP/1.1 that may reach a handler */
export function refusalOfRequest({ httpVersion, rawHeaders }: IncomingMessage): Refusal | undefined {
  if (httpVersion !== "1.1") return undefined;
  // RFC 9112, section 3.2. Any host will do: there is one service here.
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) if (rawHeaders[at]?.toLowerCase() === "host") hosts++;
  return hosts === 1 ? undefined : refusals.host;
}

/**
 * @param error of Node's parser of HTTP/1.1, or of the connection
 * @returns undefined where the connection has failed, and no answer would arrive
 */
export function refusalOfError({ code = "" }: NodeJS.ErrnoException): Refusal | undefined {
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return refusals.timeout;
  if (code === "HPE_HEADER_OVERFLOW") return refusals.headers;
  if (code === "HPE_CHUNK_EXTENSIONS_OVERFLOW") return refusals.tooLarge;
  if (code === "HPE_INVALID_EOF_STATE") return refusals.unfinished;
  return code.startsWith("HPE_") ? refusals.malformed : undefined;
}
