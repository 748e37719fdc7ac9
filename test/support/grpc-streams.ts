/** gRPC on raw HTTP/2 streams, by either of the server's two ways. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { ClientHttp2Session, ClientHttp2Stream, ServerHttp2Stream } from "node:http2";
import { create, type DescMethod, type MessageInitShape, toBinary } from "@bufbuild/protobuf";

/** A request that names a compression and does not use it goes through Connect's adapter. */
export const ways = {
  straight: {},
  "through Connect": { "grpc-encoding": "gzip", "grpc-accept-encoding": "identity" },
} as const;

export type Headers = Readonly<Record<string, string>>;

export function openStream(session: ClientHttp2Session, method: DescMethod, headers: Headers): ClientHttp2Stream {
  return session.request({
    ":method": "POST",
    ":path": `/${method.parent.typeName}/${method.name}`,
    "content-type": "application/grpc",
    te: "trailers",
    ...headers,
  });
}

export function enveloped(message: Uint8Array, flags = 0): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = flags;
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

export function messageOf<Method extends DescMethod>(method: Method, init: MessageInitShape<Method["input"]>): Buffer {
  return enveloped(toBinary(method.input, create(method.input, init)));
}

/** The server's sides of the streams that begin in this process until `stop` is called. */
export function watchServerStreams(): { readonly streams: readonly ServerHttp2Stream[]; stop(): void } {
  const channel = "http2.server.stream.start";
  const streams: ServerHttp2Stream[] = [];
  const onStart = (message: unknown) => streams.push((message as { stream: ServerHttp2Stream }).stream);
  subscribe(channel, onStart);
  return { streams, stop: () => unsubscribe(channel, onStart) };
}
