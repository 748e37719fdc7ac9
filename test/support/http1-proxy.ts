/** A proxy on 127.0.0.1 that speaks HTTP/1.1 only, with TLS or without. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import {
  createServer,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";

export interface Http1Proxy {
  readonly url: string;
  /** The requests that have come, in order, such as `1.1 application/proto GetUser`. */
  readonly requests: readonly string[];
  /** How many connections are open. */
  readonly connections: () => number;
  /** Takes the next answer for itself and cuts the connection: what was asked is done. */
  cutNextAnswer(): void;
  stop(): Promise<void>;
}

/**
 * @param target the port on 127.0.0.1 to which it leads
 * @param tls files in PEM; it then offers HTTP/1.1 by ALPN
 */
export async function startHttp1Proxy(
  target: number,
  tls?: { readonly cert: string; readonly key: string },
): Promise<Http1Proxy> {
  const agent = new HttpAgent({ keepAlive: true });
  const requests: string[] = [];
  let cuts = 0;
  const passOn = (request: IncomingMessage, response: ServerResponse) => {
    const { method, url, headers, httpVersion } = request;
    requests.push(`${httpVersion} ${headers["content-type"]} ${url?.split("/").at(-1)}`);
    const onward = httpRequest({ host: "127.0.0.1", port: target, method, path: url, headers, agent }, (answer) => {
      if (cuts > 0) {
        cuts--;
        answer.resume().once("end", () => request.socket.destroy());
        return;
      }
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => {
      if (response.headersSent) response.destroy();
      else response.writeHead(502).end();
    });
    response.once("close", () => {
      if (!response.writableFinished) onward.destroy();
    });
    request.pipe(onward);
  };
  const server =
    tls === undefined
      ? createServer(passOn)
      : createTlsServer(
          { cert: readFileSync(tls.cert), key: readFileSync(tls.key), ALPNProtocols: ["http/1.1"] },
          passOn,
        );
  let connections = 0;
  server.on("connection", (socket) => {
    connections++;
    socket.once("close", () => connections--);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    connections: () => connections,
    cutNextAnswer() {
      cuts++;
    },
    async stop() {
      server.closeAllConnections();
      agent.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
