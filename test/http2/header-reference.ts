/** What node:http2 makes of header blocks, to compare with. */
import { once } from "node:events";
import { createServer, type Http2Server } from "node:http2";
import { connect } from "node:net";
import { flags, frame, framesIn, frameTypes, preface } from "../support/http2-frames.ts";
import { type Field, plainBlock } from "./hpack-blocks.ts";

/** A request: its headers, and perhaps its trailers. */
interface FieldLists {
  readonly headers: readonly Field[];
  readonly trailers?: readonly Field[] | undefined;
}

/** Names and values, in the order in which an object has them. */
type Entries = [name: string, value: string | string[] | undefined][];

export interface NodeReference {
  /** @returns for each request its headers, or its trailers where it has some; undefined where Node resets the stream */
  read(requests: readonly FieldLists[]): Promise<(Entries | undefined)[]>;
  close(): void;
}

/** Node counts malformed requests, and closes connections that have many. */
const requestsPerConnection = 100;

export async function startNodeReference(): Promise<NodeReference> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    async read(requests) {
      const results: (Entries | undefined)[] = [];
      for (let at = 0; at < requests.length; at += requestsPerConnection) {
        results.push(...(await readOnce(server, requests.slice(at, at + requestsPerConnection))));
      }
      return results;
    },
    close: () => server.close(),
  };
}

async function readOnce(server: Http2Server, requests: readonly FieldLists[]): Promise<(Entries | undefined)[]> {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("it does not listen");
  const results: (Entries | undefined)[] = requests.map(() => undefined);
  server.removeAllListeners("stream").on("stream", (stream, headers) => {
    const at = ((stream.id ?? 0) - 1) / 2;
    stream.on("error", () => {}).resume();
    if (requests[at]?.trailers === undefined) results[at] = Object.entries(headers);
    stream.on("trailers", (trailers) => {
      results[at] = Object.entries(trailers);
    });
  });
  const frames = requests.flatMap(({ headers, trailers }, at) => {
    const id = 2 * at + 1;
    const last = flags.endHeaders | flags.endStream;
    const head = frame("headers", trailers === undefined ? last : flags.endHeaders, id, plainBlock(headers));
    return trailers === undefined ? [head] : [head, frame("headers", last, id, plainBlock(trailers))];
  });
  const socket = connect(address.port, "127.0.0.1");
  try {
    socket.write(Buffer.concat([preface, ...frames, frame("ping", 0, 0, Buffer.alloc(8))]));
    // The answer to PING means that everything before it has been read.
    let received: Buffer = Buffer.alloc(0);
    while (!framesIn(received).some(({ type, flags: bits }) => type === frameTypes.ping && bits === flags.ack)) {
      const [chunk]: Buffer[] = await once(socket, "data");
      if (chunk !== undefined) received = Buffer.concat([received, chunk]);
    }
  } finally {
    socket.destroy();
  }
  return results;
}
