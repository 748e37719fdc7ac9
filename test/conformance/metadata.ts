/**
 * Metadata of gRPC calls that the server serves without Connect. UserService neither reads nor writes any, so its handlers have
 * no way to it. Here it goes to and from the call's exchange, whichever HTTP/2 serves it.
 */
import type { IncomingHttpHeaders } from "node:http";
import { parseTimeout } from "@connectrpc/connect/protocol-grpc";
import { Call as ServedCall } from "../../src/rpc/call/call.ts";
import type { CallContext } from "../../src/rpc/call/call-context.ts";
import type { Exchange } from "../../src/rpc/exchange.ts";
import type { Call } from "./service.ts";

type Metadata = Omit<Call, "signal">;

/** The call with its metadata. What its handler sets goes out with the answer. Call it once for each call. */
export function callOf(context: CallContext): Call {
  if (!(context instanceof ServedCall)) throw new Error("the context is not a call");
  const { exchange } = context;
  const metadata = metadataOf(exchange.headers);
  addTo(exchange, metadata);
  return {
    ...metadata,
    get signal() {
      return context.signal;
    },
  };
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

function addTo(exchange: Exchange, { responseHeaders, responseTrailers }: Metadata): void {
  const begin = exchange.begin.bind(exchange);
  const end = exchange.end.bind(exchange);
  const answer = exchange.answer.bind(exchange);
  exchange.begin = (status, headers) => begin(status, { ...Object.fromEntries(responseHeaders), ...headers });
  exchange.end = (lastPiece, trailers) => end(lastPiece, { ...Object.fromEntries(responseTrailers), ...trailers });
  exchange.answer = (status, headers) => {
    if ([...responseHeaders].length === 0) {
      answer(status, { ...headers, ...Object.fromEntries(responseTrailers) });
      return;
    }
    // A handler that sends headers sends them before its error, which is then in the trailers.
    const { trailer = [], header = [] } = Object.groupBy(Object.entries(headers), ([name]) =>
      /^grpc-(status|message)/.test(name) ? "trailer" : "header",
    );
    exchange.begin(status, Object.fromEntries(header));
    exchange.end(undefined, Object.fromEntries(trailer));
  };
}
