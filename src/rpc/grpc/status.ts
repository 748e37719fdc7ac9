import type { OutgoingHttpHeaders } from "node:http";
import type { ConnectError } from "@connectrpc/connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import type { Exchange } from "../exchange.ts";

export const answerHeaders: OutgoingHttpHeaders = {
  "content-type": "application/grpc+proto",
  "grpc-accept-encoding": "gzip,br",
};
export const okTrailers: OutgoingHttpHeaders = { "grpc-status": "0" };

/** Answers an error in gRPC, after the answers that have been written. */
export function answerGrpcError(exchange: Exchange, error: ConnectError): void {
  const trailers = trailersOf(error);
  if (exchange.hasAnswered) exchange.end(undefined, trailers);
  else exchange.answer(200, { ...answerHeaders, ...trailers });
}

const known = new WeakMap<ConnectError, OutgoingHttpHeaders>();

/** The trailers that tell an error, made once for each error. */
export function trailersOf(error: ConnectError): OutgoingHttpHeaders {
  let trailers = known.get(error);
  if (trailers === undefined) {
    trailers = Object.fromEntries(respelled(setTrailerStatus(new Headers(), error)));
    known.set(error, trailers);
  }
  return trailers;
}

/**
 * Respells the error message in trailers of Connect, which escapes it as a part of a URI, so that every client reads it: gRPC
 * escapes only the percent sign, and bytes that are not printable ASCII.
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md: Status-Message
 */
export function respelled(trailers: Headers): Headers {
  const message = trailers.get("grpc-message");
  if (message !== null) trailers.set("grpc-message", message.replace(needlessEscape, decodeURIComponent));
  return trailers;
}

/** From %20 to %7E, but for %25. */
const needlessEscape = /%(?:2[0-46-9A-F]|[3-6][0-9A-F]|7[0-9A-E])/g;
