import { AsyncLocalStorage } from "node:async_hooks";
import { type ClientHttp2Stream, constants, type OutgoingHttpHeaders } from "node:http2";
import type { Interceptor } from "@connectrpc/connect";
import { Http2SessionManager } from "@connectrpc/connect-node";

/** The signal of the current call, which aborts when the call is over. */
const callSignal = new AsyncLocalStorage<AbortSignal>();

/** Tells ClosingSessions when each call is over. */
export const closeWithCall: Interceptor = (next) => (request) => callSignal.run(request.signal, () => next(request));

/**
 * The HTTP/2 connection of a transport that uses `closeWithCall`. It closes the stream of each call that is over.
 *
 * Connect leaves the body of an answer that is not gRPC unread, such as a proxy's page for status 502. Node keeps such a
 * stream open, and an open stream keeps its memory and the process alive.
 */
export class ClosingSessions extends Http2SessionManager {
  /** Node would leave out the brackets of an IPv6 address. */
  readonly #authority = ipv6Authority(new URL(this.authority));

  override async request(...request: Parameters<Http2SessionManager["request"]>): Promise<ClientHttp2Stream> {
    const [method, path, headers, options] = request;
    const signal = callSignal.getStore();
    const stream = await super.request(method, path, { ...this.#authority, ...headers }, options);
    const close = () => {
      if (stream.destroyed || stream.readableEnded) return;
      if (!stream.closed) stream.close(constants.NGHTTP2_CANCEL);
      // Data may still arrive. For a destroyed stream, Node would count it as invalid frames and end the connection.
      stream.on("readable", () => {
        while (stream.read() !== null);
      });
    };
    if (signal?.aborted === true) close();
    else signal?.addEventListener("abort", close, { once: true });
    return stream;
  }
}

/** The `:authority` header for a server with an IPv6 address: RFC 3986, section 3.2.2. */
function ipv6Authority({ hostname, port, protocol }: URL): OutgoingHttpHeaders {
  if (!hostname.startsWith("[")) return {};
  const defaultPort = protocol === "https:" ? "443" : "80";
  return { ":authority": `${hostname}:${port === "" ? defaultPort : port}` };
}
