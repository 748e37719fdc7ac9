/** Answers of Connect's handlers, and errors in their place. */
import type { OutgoingHttpHeaders } from "node:http";
import type { ConnectError } from "@connectrpc/connect";
import type { UniversalServerResponse } from "@connectrpc/connect/protocol";
import { codeToHttpStatus, errorToJson } from "@connectrpc/connect/protocol-connect";
import { writeMessage, writeUnary } from "../call/answer.ts";
import type { Call } from "../call/call.ts";
import type { Exchange } from "../exchange.ts";
import { respelled, trailersOf } from "../grpc/status.ts";
import { envelopeOf } from "../messages/envelopes.ts";
import type { Content } from "./content.ts";

/** https://connectrpc.com/docs/protocol/#error-end-stream */
const endOfStreamFlag = 2;

/**
 * Writes an answer of a handler of Connect's. The handler ends in any case: also where the exchange is gone, or an error has been
 * answered in its place.
 */
export async function writeAnswer(
  call: Call,
  { status, header, body, trailer }: UniversalServerResponse,
): Promise<void> {
  const { exchange } = call;
  if (body === undefined) {
    if (!exchange.hasAnswered) exchange.answer(status, dated(header));
    return;
  }
  const isUnary = call.kind.method.methodKind === "unary";
  let hasBegun = false;
  const mayWrite = () => {
    if (exchange.isGone) return false;
    if (!exchange.hasAnswered) {
      exchange.begin(status, dated(header));
      hasBegun = true;
    }
    return hasBegun;
  };
  let bytes = 0;
  for await (const message of body) {
    if (!mayWrite()) return;
    bytes += message.length;
    await (isUnary ? writeUnary(call, message, bytes) : writeMessage(call, message));
  }
  if (mayWrite()) exchange.end(undefined, trailer && Object.fromEntries(respelled(trailer)));
}

/**
 * Answers an error as the caller's protocol has it, in place of a handler.
 *
 * @param httpStatus for Connect's unary calls; every other answer has the status 200
 */
export function answerError(
  exchange: Exchange,
  { protocol, type, encoding, isEnveloped }: Content,
  error: ConnectError,
  httpStatus = codeToHttpStatus(error.code),
): void {
  if (protocol !== "connect") {
    const contentType = `application/${protocol}+${encoding === "json" ? "json" : "proto"}`;
    exchange.answer(200, { ...dated(), "content-type": contentType, ...trailersOf(error) });
    return;
  }
  const json = errorToJson(error, { useProtoFieldName: true });
  const body = isEnveloped ? envelopeOf(jsonBytes({ error: json }), endOfStreamFlag) : jsonBytes(json);
  exchange.begin(isEnveloped ? 200 : httpStatus, {
    ...dated(),
    "content-type": isEnveloped ? type : "application/json",
    "content-length": body.length,
  });
  exchange.end(body);
}

function jsonBytes(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** RFC 9110, section 6.6.1: a server with a clock says when it answered. */
export function dated(headers: Headers = new Headers()): OutgoingHttpHeaders {
  return { date: new Date().toUTCString(), ...Object.fromEntries(headers) };
}
