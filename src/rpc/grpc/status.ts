import type { OutgoingHttpHeaders } from "node:http2";
import type { ConnectError } from "@connectrpc/connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";

const told = new WeakMap<ConnectError, OutgoingHttpHeaders>();

/** An error as gRPC's trailers tell it, worked out once for each error. */
export function trailersOf(error: ConnectError): OutgoingHttpHeaders {
  const known = told.get(error);
  if (known !== undefined) return known;
  const trailers = Object.fromEntries(statusOf(error));
  told.set(error, trailers);
  return trailers;
}

/** An error as gRPC's trailers tell it. */
export function statusOf(error: ConnectError): Headers {
  return respelled(setTrailerStatus(new Headers(), error));
}

/**
 * Changes gRPC's trailers of Connect's, which escapes an error's message as a part of a URI, so that every client reads
 * it: no byte is escaped but those that gRPC says, which are not printable ASCII, and the percent sign.
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md: Status-Message
 */
export function respelled(trailers: Headers): Headers {
  const message = trailers.get("grpc-message");
  if (message !== null) trailers.set("grpc-message", message.replace(needlessEscape, decodeURIComponent));
  return trailers;
}

/** From %20 to %7E, but for %25. */
const needlessEscape = /%(?:2[0-46-9A-F]|[3-6][0-9A-F]|7[0-9A-E])/g;
