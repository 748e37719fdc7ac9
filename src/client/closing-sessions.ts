import { AsyncLocalStorage } from "node:async_hooks";
import { type ClientHttp2Stream, constants, type OutgoingHttpHeaders } from "node:http2";
import type { Interceptor } from "@connectrpc/connect";
import { Http2SessionManager } from "@connectrpc/connect-node";

/** The signal of the call under way, which aborts when the call is over. */
const callSignal = new AsyncLocalStorage<AbortSignal>();

/** Tells ClosingSessions when each call is over. */
export const closeWithCall: Interceptor = (next) => (request) => callSignal.run(request.signal, () => next(request));

/**
 * The HTTP/2 connection of a transport that uses `closeWithCall`. When a call is over, its stream is closed.
 *
 * Connect leaves the body of an answer that is not gRPC unread, such as a proxy's page for status 502. Node keeps a stream
 * open until its body is read, and an open stream keeps its memory and the process.
 */
export class ClosingSessions extends Http2SessionManager {
  /** Node would name an IPv6 address without its brackets. */
  readonly #authority = ipv6Authority(new URL(this.authority));

  override async request(...request: Parameters<Http2SessionManager["request"]>): Promise<ClientHttp2Stream> {
    const [method, path, headers, options] = request;
    const signal = callSignal.getStore();
    const stream = await super.request(method, path, { ...this.#authority, ...headers }, options);
    const close = () => {
      if (stream.destroyed || stream.readableEnded) return;
      if (!stream.closed) stream.close(constants.NGHTTP2_CANCEL);
      // What is under way still comes. To destroy the stream would count it as invalid frames, which end the connection.
      stream.on("readable", () => {
        while (stream.read() !== null);
      });
    };
    if (signal?.aborted === true) close();
    else signal?.addEventListener("abort", close, { once: true });
    return stream;
  }
}

/** The header that names the server, where its address is one of IPv6: RFC 3986, section 3.2.2. */
function ipv6Authority({ hostname, port, protocol }: URL): OutgoingHttpHeaders {
  if (!hostname.startsWith("[")) return {};
  const defaultPort = protocol === "https:" ? "443" : "80";
  return { ":authority": `${hostname}:${port === "" ? defaultPort : port}` };
}
