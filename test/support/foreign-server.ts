/** A server of HTTP/2 that is not Rollcall, as a proxy that answers by itself. */
import { once } from "node:events";
import { createServer, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { Worker } from "node:worker_threads";
import { onTestFinished } from "vitest";

export interface ForeignServer {
  readonly url: string;
  /** How many calls have come. */
  readonly calls: () => number;
}

/** Runs for one test, and keeps the connections of its clients open. */
export async function foreignServer(answer: (stream: ServerHttp2Stream) => void): Promise<ForeignServer> {
  const server = createServer();
  const sessions = new Set<ServerHttp2Session>();
  let calls = 0;
  server.on("session", (session) => sessions.add(session));
  server.on("stream", (stream) => {
    calls++;
    answer(stream.on("error", () => {}));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: () => calls,
  };
}

/** A page of HTML, or what `headers` say it is. */
export function page(status: number, headers: Readonly<Record<string, string>> = {}) {
  return (stream: ServerHttp2Stream) => {
    stream.respond({ ":status": status, "content-type": "text/html", ...headers });
    stream.end(`<html><body>status ${status}</body></html>`);
  };
}

const threadOfPages = `
  const { createServer } = require("node:http2");
  const server = createServer((_request, response) => {
    response.writeHead(502, { "content-type": "text/html" });
    response.end("<html></html>");
  });
  server.listen(0, "127.0.0.1", () => require("node:worker_threads").parentPort.postMessage(server.address().port));
`;

/** The URL of a server that answers HTTP 502, in a thread of its own: its answers come while the client is at work. */
export async function foreignThread(): Promise<string> {
  const thread = new Worker(threadOfPages, { eval: true });
  onTestFinished(async () => void (await thread.terminate()));
  const [port] = await once(thread, "message");
  return `http://127.0.0.1:${port}`;
}
