import { once } from "node:events";
import { connect, constants, createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";

/** Between clients and a server, in clear text on 127.0.0.1: the first call of each unary method finds no server. */
export interface RefusingProxy {
  readonly url: string;
  /** The methods whose first call it refused, in order. */
  readonly refused: readonly string[];
  /** The methods whose repeated call got an answer. */
  readonly answered: ReadonlySet<string>;
  stop(): Promise<void>;
}

/** The answer of a load balancer without a server behind it. */
const unavailable = {
  ":status": 200,
  "content-type": "application/grpc",
  "grpc-status": "14",
  "grpc-message": "no server is there",
};

/** @param target the server's URL */
export async function startRefusingProxy(target: string): Promise<RefusingProxy> {
  const refused: string[] = [];
  const answered = new Set<string>();
  const behind = connect(target);
  // The calls report their own errors.
  behind.on("error", () => {});
  const proxy = createServer();
  const sessions = new Set<{ destroy(): void }>([behind]);
  proxy.on("session", (session) => sessions.add(session));
  proxy.on("stream", (stream, headers) => {
    const method = String(headers[":path"]).split("/").at(-1) ?? "";
    // A client does not repeat a stream that it has sent messages on.
    if (method === "BatchIdentify" || refused.includes(method)) passOn(stream, headers, () => answered.add(method));
    else {
      refused.push(method);
      stream.respond(unavailable, { endStream: true });
    }
  });

  function passOn(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, onAnswer: () => void): void {
    const call = behind.request(headers);
    let trailers: IncomingHttpHeaders = {};
    call.on("response", (answer, flags) => {
      onAnswer();
      const endStream = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
      stream.respond(answer, { endStream, waitForTrailers: !endStream });
    });
    call.on("trailers", (found) => {
      trailers = found;
    });
    stream.on("wantTrailers", () => stream.sendTrailers(trailers));
    stream.on("aborted", () => call.close(constants.NGHTTP2_CANCEL)).on("error", () => call.close());
    call.on("error", () => stream.close());
    stream.pipe(call).pipe(stream);
  }

  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const address = proxy.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    refused,
    answered,
    async stop() {
      for (const session of sessions) session.destroy();
      proxy.close();
      await once(proxy, "close");
    },
  };
}
