/**
 * Metadata of gRPC calls that are served straight on HTTP/2 streams. UserService neither reads nor writes any, so its way in
 * has no room for it: it is kept beside the call here, and put on the stream when that is answered.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { parseTimeout } from "@connectrpc/connect/protocol-grpc";
import type { CallContext } from "../../src/rpc/call-context.ts";
import type { StreamHandler } from "../../src/rpc/grpc/grpc-handler.ts";
import type { ObserveRequest } from "../../src/telemetry/requests.ts";
import type { Call } from "./service.ts";

type Metadata = Omit<Call, "signal">;

const serving = new AsyncLocalStorage<Metadata>();
/** By the request's headers, which are the same object wherever they are seen. */
const known = new WeakMap<object, Metadata>();

/** Lets calls know their metadata while they are served. */
export function withMetadata(observe: ObserveRequest): ObserveRequest {
  return (start) => {
    const observed = observe(start);
    const metadata = known.get(start.headers);
    return {
      run: (work) => (metadata === undefined ? observed.run(work) : serving.run(metadata, () => observed.run(work))),
      end: (code, caller, reason) => observed.end(code, caller, reason),
      ids: () => observed.ids(),
    };
  };
}

/** Puts what calls answer beside their messages on their streams. */
export function sendingMetadata(handler: StreamHandler): StreamHandler {
  return (stream, headers) => {
    const metadata = metadataOf(headers);
    known.set(headers, metadata);
    if (!handler(stream, headers)) return false;
    addTo(stream, metadata);
    return true;
  };
}

export function callOf({ signal }: CallContext): Call {
  const metadata = serving.getStore();
  if (metadata === undefined) throw new Error("the call is not served");
  return { signal, ...metadata };
}

function metadataOf(headers: IncomingHttpHeaders): Metadata {
  const requestHeaders = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith(":") || value === undefined) continue;
    for (const one of [value].flat()) requestHeaders.append(name, one);
  }
  const { timeoutMs } = parseTimeout(requestHeaders.get("grpc-timeout"), Number.POSITIVE_INFINITY);
  return {
    requestHeaders,
    timeoutMs,
    query: undefined,
    responseHeaders: new Headers(),
    responseTrailers: new Headers(),
  };
}

function addTo(stream: ServerHttp2Stream, { responseHeaders, responseTrailers }: Metadata): void {
  const respond = stream.respond.bind(stream);
  const sendTrailers = stream.sendTrailers.bind(stream);
  stream.respond = (headers, options) => {
    // An error without an answer before it is in the headers, and so are its trailers.
    const trailers = options?.endStream === true ? Object.fromEntries(responseTrailers) : {};
    respond({ ...Object.fromEntries(responseHeaders), ...trailers, ...headers }, options);
  };
  stream.sendTrailers = (trailers) => sendTrailers({ ...Object.fromEntries(responseTrailers), ...trailers });
}
