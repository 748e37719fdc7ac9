/**
 * Metadata of gRPC calls that are served straight on HTTP/2 streams. UserService neither reads nor writes any, so its way in
 * has no room for it: it is kept beside the call here, and put on the stream when that is answered.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { subscribe } from "node:diagnostics_channel";
import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { parseTimeout } from "@connectrpc/connect/protocol-grpc";
import type { CallContext } from "../../src/rpc/call/call-context.ts";
import type { ObserveRequest } from "../../src/telemetry/requests.ts";
import type { Call } from "./service.ts";

type Metadata = Omit<Call, "signal">;

const serving = new AsyncLocalStorage<Metadata>();
/** By the request's headers, which are the same object wherever they are seen. */
const streams = new WeakMap<object, ServerHttp2Stream>();

/** What Node publishes of each stream, before anybody else sees it. */
interface StreamStart {
  readonly stream: ServerHttp2Stream;
  readonly headers: object;
}

subscribe("http2.server.stream.start", (message) => {
  if (isStreamStart(message)) streams.set(message.headers, message.stream);
});

/** Lets calls know their metadata while they are served, and puts on their streams what they answer beside messages. */
export function withMetadata(observe: ObserveRequest): ObserveRequest {
  return (start) => {
    const observed = observe(start);
    const { headers } = start;
    const stream = streams.get(headers);
    if (stream === undefined || headers instanceof Headers) return observed;
    const metadata = metadataOf(headers);
    addTo(stream, metadata);
    return {
      run: (work) => serving.run(metadata, () => observed.run(work)),
      end: (code, caller, reason) => observed.end(code, caller, reason),
      ids: () => observed.ids(),
    };
  };
}

function isStreamStart(message: unknown): message is StreamStart {
  return typeof message === "object" && message !== null && "stream" in message && "headers" in message;
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
  const close = stream.close.bind(stream);
  const withTrailers = (trailers: OutgoingHttpHeaders) => ({ ...Object.fromEntries(responseTrailers), ...trailers });
  stream.sendTrailers = (trailers) => sendTrailers(withTrailers(trailers));
  stream.respond = (headers: OutgoingHttpHeaders = {}, options = {}) => {
    const added = Object.fromEntries(responseHeaders);
    if (options.endStream !== true) {
      respond({ ...added, ...headers }, options);
      return;
    }
    if (Object.keys(added).length === 0) {
      respond(withTrailers(headers), options);
      return;
    }
    // A handler that sends headers sends them before its error, which is then in the trailers.
    const { status = [], header = [] } = Object.groupBy(Object.entries(headers), ([name]) =>
      /^grpc-(status|message)/.test(name) ? "status" : "header",
    );
    respond({ ...added, ...Object.fromEntries(header) }, { ...options, endStream: false, waitForTrailers: true });
    const sent = new Promise((resolve) => {
      stream.once("wantTrailers", () => {
        sendTrailers(withTrailers(Object.fromEntries(status)));
        setImmediate(resolve);
      });
    });
    // The call takes its answer for sent, and lets go of what is left of the request.
    stream.close = (...ending) => void sent.then(() => close(...ending));
    stream.end();
  };
}
