/** HTTP/1.1 in place of HTTP/2, for servers and proxies that take nothing else. */
import { isIP } from "node:net";
import { checkServerIdentity, connect, type TLSSocket, type ConnectionOptions as TlsOptions } from "node:tls";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { createAsyncIterable } from "@connectrpc/connect/protocol";
import { ConnectionFailure } from "./connection-failures.ts";
import { causesOf } from "./errors.ts";

const http2NotTaken = "ROLLCALL_HTTP2_NOT_TAKEN";

/**
 * Connects to a server with TLS, and offers HTTP/2 and HTTP/1.1 by ALPN. The connection fails if the server does not take
 * HTTP/2, before anything is sent.
 *
 * @param server its URL
 */
export function offeringBothVersions(server: string, options: TlsOptions): () => TLSSocket {
  const { hostname, port } = new URL(server);
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  const address = { host, port: port === "" ? 443 : Number(port), ...(isIP(host) === 0 && { servername: host }) };
  return () => {
    const socket: TLSSocket = connect({
      ...options,
      ...address,
      ALPNProtocols: ["h2", "http/1.1"],
      // Once the connection is made, Node takes it for HTTP/2, and crashes if somebody closes it then.
      checkServerIdentity(name, certificate) {
        if (socket.alpnProtocol === "h2") return checkServerIdentity(name, certificate);
        return Object.assign(new Error("the server does not take HTTP/2"), { code: http2NotTaken });
      },
    });
    return socket;
  };
}

/**
 * Calls over gRPC. Once a connection has not taken HTTP/2, it calls over Connect, until the server cannot be reached.
 *
 * @param grpc with connections from `offeringBothVersions`
 * @param http1 Connect over HTTP/1.1
 */
export function withHttp1Fallback(grpc: Transport, http1: Transport): Transport {
  let isHttp1 = false;
  const call = async <Answer>(
    timeoutMs: number | undefined,
    over: (transport: Transport, timeoutMs: number | undefined) => Promise<Answer>,
  ): Promise<Answer> => {
    const start = performance.now();
    if (!isHttp1) {
      try {
        return await over(grpc, timeoutMs);
      } catch (error) {
        if (!(error instanceof Error && causesOf(error).some(({ code }) => code === http2NotTaken))) throw error;
        isHttp1 = true;
      }
    }
    const elapsedMs = performance.now() - start;
    try {
      return await over(http1, timeoutMs && timeoutMs > 0 ? Math.max(1, Math.ceil(timeoutMs - elapsedMs)) : timeoutMs);
    } catch (error) {
      if (error instanceof ConnectError && error.cause instanceof ConnectionFailure) isHttp1 = false;
      throw error;
    }
  };
  return {
    unary: (method, signal, timeoutMs, ...rest) =>
      call(timeoutMs, (transport, leftMs) => transport.unary(method, signal, leftMs, ...rest)),
    async stream(method, signal, timeoutMs, header, input, contextValues) {
      // An attempt uses its messages up, sent or not. Of a bidirectional stream, the second one reads none.
      const request = method.methodKind === "server_streaming" ? await all(input) : undefined;
      return call(timeoutMs, (transport, leftMs) => {
        const messages = request === undefined ? input : createAsyncIterable(request);
        return transport.stream(method, signal, leftMs, header, messages, contextValues);
      });
    },
  };
}

async function all<Message>(messages: AsyncIterable<Message>): Promise<Message[]> {
  const list: Message[] = [];
  for await (const message of messages) list.push(message);
  return list;
}

/** The `cause` of the error of a call that needs HTTP/2 and was not made. */
export class Http2Required extends Error {
  override readonly name = "Http2Required";
}

/** Fails bidirectional streams, which HTTP/1.1 does not have. */
export function withoutBidirectionalStreams(transport: Transport): Transport {
  return {
    unary: (...call) => transport.unary(...call),
    async stream(method, ...call) {
      if (method.methodKind !== "bidi_streaming") return transport.stream(method, ...call);
      const message = `${method.name} is a bidirectional stream, which needs gRPC over HTTP/2`;
      throw new ConnectError(message, Code.Unimplemented, undefined, undefined, new Http2Required(message));
    },
  };
}
