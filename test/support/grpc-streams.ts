/** gRPC on raw HTTP/2 streams, by either of the server's two ways. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { ClientHttp2Session, ClientHttp2Stream, ServerHttp2Stream } from "node:http2";
import { create, type DescMethod, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { Stream } from "../../src/http2/stream.ts";

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

/** The server's side of a stream, of either HTTP/2. */
export interface ServedStream {
  readonly isClosed: boolean;
  /** Bytes of the request that wait for a reader. */
  readonly unreadBytes: number;
  /** Bytes of the answer that wait to be sent. */
  readonly unsentBytes: number;
  /** Whether the handler has ended the answer. */
  readonly isEnding: boolean;
}

/** The server's sides of the streams that begin in this process until `stop` is called. */
export function watchServerStreams(): { readonly streams: readonly ServedStream[]; stop(): void } {
  const streams: ServedStream[] = [];
  const onStart = (message: unknown) => {
    const { stream } = message as { stream: ServerHttp2Stream | Stream };
    streams.push(stream instanceof Stream ? stream : servedByNode(stream));
  };
  for (const channel of streamStarts) subscribe(channel, onStart);
  return {
    streams,
    stop() {
      for (const channel of streamStarts) unsubscribe(channel, onStart);
    },
  };
}

/** Diagnostics channels on which Node's HTTP/2 and Rollcall's own tell of each stream. */
export const streamStarts = ["http2.server.stream.start", "rollcall.http2.server.stream.start"] as const;

function servedByNode(stream: ServerHttp2Stream): ServedStream {
  return {
    get isClosed() {
      return stream.destroyed;
    },
    get unreadBytes() {
      return stream.readableLength;
    },
    get unsentBytes() {
      return stream.writableLength;
    },
    get isEnding() {
      return stream.writableEnded;
    },
  };
}
