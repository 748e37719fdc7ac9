/** Calls over raw HTTP/2, with whatever headers and bytes, and what came back in the terms of the protocol spoken. */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from "node:http2";
import { gzipSync } from "node:zlib";
import type { DescMethod } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { errorFromJsonBytes } from "@connectrpc/connect/protocol-connect";
import { findTrailerError } from "@connectrpc/connect/protocol-grpc";
import { enveloped } from "./grpc-streams.ts";

export interface RawCall {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** How a message is sent. */
export interface CallEncoding {
  readonly protocol: "grpc" | "grpc-web" | "connect";
  readonly encoding: "binary" | "json";
  /** With gzip. */
  readonly isCompressed: boolean;
}

export interface RawAnswer {
  readonly httpStatus: number;
  /** `ok`, a code's name as Connect writes it, or what is wrong with the answer; then the message, if there is one. */
  readonly outcome: string;
  readonly message: string;
}

/** As gRPC numbers them and Connect names them: https://connectrpc.com/docs/protocol/#error-codes */
const codeNames = [
  ..."ok canceled unknown invalid_argument deadline_exceeded not_found already_exists permission_denied".split(" "),
  ..."resource_exhausted failed_precondition aborted out_of_range unimplemented internal unavailable".split(" "),
  ..."data_loss unauthenticated".split(" "),
];

/** A call with one message, which is given as it is encoded and not compressed yet. */
export function encodedCall(method: DescMethod, message: Uint8Array, how: CallEncoding) {
  const { protocol, isCompressed } = how;
  const isStream = method.methodKind !== "unary";
  const isConnect = protocol === "connect";
  const prefix = isConnect ? (isStream ? "connect+" : "") : `${protocol}+`;
  const compression = isConnect ? (isStream ? "connect-content-encoding" : "content-encoding") : "grpc-encoding";
  const headers: Record<string, string> = {
    "content-type": `application/${prefix}${how.encoding === "json" ? "json" : "proto"}`,
  };
  if (isCompressed) headers[compression] = "gzip";
  const bytes = isCompressed ? gzipSync(message, { level: 1 }) : message;
  const body = isConnect && !isStream ? bytes : enveloped(bytes, isCompressed ? 1 : 0);
  return { path: `/${method.parent.typeName}/${method.name}`, headers, body } satisfies RawCall;
}

export function openSession(url: string): Promise<ClientHttp2Session> {
  return new Promise((resolve, reject) => {
    const session = connect(url);
    session.once("connect", () => resolve(session)).once("error", reject);
  });
}

/**
 * Rejects where the stream is reset, or ends without an answer.
 *
 * @param onHalf awaited when half of the body has been sent
 */
export async function rawCall(
  session: ClientHttp2Session,
  call: RawCall,
  onHalf?: () => Promise<unknown>,
): Promise<RawAnswer> {
  const half = call.body.length >> 1;
  const { headers, trailers, body } = await rawExchange(session, call, async (stream) => {
    if (onHalf !== undefined) {
      stream.write(call.body.subarray(0, half));
      await onHalf();
    }
    stream.end(call.body.subarray(onHalf === undefined ? 0 : half));
  });
  const httpStatus = Number(headers[":status"] ?? 0);
  const answer = { headers: { ...headers, ...trailers }, body, httpStatus };
  return { httpStatus, ...outcomeOf(answer, call.headers["content-type"] ?? "") };
}

/** All that comes back. */
export interface RawExchange {
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/**
 * Rejects where the stream is reset.
 *
 * @param send sends the body, and ends it
 */
export function rawExchange(
  session: ClientHttp2Session,
  { path, headers, body }: RawCall,
  send: (stream: ClientHttp2Stream) => Promise<unknown> = async (stream) => stream.end(body),
): Promise<RawExchange> {
  return new Promise((resolve, reject) => {
    const request: OutgoingHttpHeaders = { ":method": "POST", ":path": path, te: "trailers", ...headers };
    const stream = session.request(request);
    const pieces: Buffer[] = [];
    let seen: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders = {};
    stream.on("response", (answer) => {
      seen = answer;
    });
    stream.on("trailers", (answer) => {
      trailers = answer;
    });
    stream.on("data", (piece: Buffer) => pieces.push(piece));
    stream.on("error", reject);
    stream.on("close", () => resolve({ headers: seen, trailers, body: Buffer.concat(pieces) }));
    send(stream).catch(reject);
  });
}

/** The error of a unary call with its details, in whichever protocol it is told; undefined where there is none. */
export function errorOf({ headers, trailers, body }: RawExchange): ConnectError | undefined {
  const type = String(headers["content-type"]);
  if (!type.startsWith("application/grpc")) {
    if (Number(headers[":status"]) === 200) return undefined;
    return errorFromJsonBytes(body, undefined, new ConnectError(body.toString("utf8"), Code.Unknown));
  }
  const told = Object.entries({ ...webTrailers(body, type), ...headers, ...trailers });
  return findTrailerError(
    new Headers(told.flatMap(([name, value]) => (/^grpc-/.test(name) ? [[name, String(value)]] : []))),
  );
}

interface HttpAnswer {
  readonly httpStatus: number;
  /** Headers and trailers. */
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

type Outcome = Pick<RawAnswer, "outcome" | "message">;

const withoutMessage = (outcome: string): Outcome => ({ outcome, message: "" });

function outcomeOf({ headers, body, httpStatus }: HttpAnswer, contentType: string): Outcome {
  if (httpStatus === 415) return withoutMessage("unsupported media type");
  if (contentType.startsWith("application/grpc")) {
    const { "grpc-status": status, "grpc-message": message } = { ...webTrailers(body, contentType), ...headers };
    if (status === undefined) return withoutMessage(`no grpc-status, HTTP ${httpStatus}`);
    return {
      outcome: codeNames[Number(status)] ?? `grpc-status ${status}`,
      message: decodeURIComponent(String(message ?? "")),
    };
  }
  if (contentType.startsWith("application/connect") && httpStatus === 200) {
    const end = lastFrame(body, 0x02);
    return end === undefined ? withoutMessage("no end of the stream") : errorIn(end, ({ error }) => error);
  }
  return httpStatus === 200 ? withoutMessage("ok") : errorIn(body.toString("utf8"), (error) => error);
}

/** What a gRPC-Web answer has in its last frame. */
function webTrailers(body: Buffer, contentType: string): Record<string, string> {
  if (!contentType.startsWith("application/grpc-web")) return {};
  const lines = (lastFrame(body, 0x80) ?? "").split("\r\n").map((line) => /^([^:]+): ?(.*)$/.exec(line));
  return Object.fromEntries(
    lines.flatMap((line) => (line === null ? [] : [[String(line[1]).toLowerCase(), String(line[2])]])),
  );
}

/** The text of the frame with this flag. */
function lastFrame(body: Buffer, flag: number): string | undefined {
  for (let pos = 0; pos + 5 <= body.length; pos += 5 + body.readUInt32BE(pos + 1)) {
    if (((body[pos] ?? 0) & flag) !== 0) return body.toString("utf8", pos + 5, pos + 5 + body.readUInt32BE(pos + 1));
  }
  return undefined;
}

/** An error as Connect writes it in JSON; `ok` where there is none. */
function errorIn(json: string, find: (answer: Record<string, unknown>) => unknown): Outcome {
  let error: unknown;
  try {
    error = find(JSON.parse(json));
  } catch {
    return withoutMessage("no JSON where an error is");
  }
  if (error === undefined) return withoutMessage("ok");
  if (typeof error !== "object" || error === null || !("code" in error))
    return withoutMessage("an error without a code");
  return { outcome: String(error.code), message: "message" in error ? String(error.message) : "" };
}
