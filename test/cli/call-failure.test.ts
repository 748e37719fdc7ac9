/** What is said of a server that does not answer as one does. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { createServer, type Server } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { expect, onTestFinished, test } from "vitest";
import { callFailure } from "../../src/cli/call-failure.ts";
import { createRollcallClient } from "../../src/client/index.ts";
import { createCertificates } from "../support/certificates.ts";

/** `127.0.0.1:PORT` of a server that runs for one test. */
async function listening(server: Server): Promise<string> {
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => {
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return `127.0.0.1:${address.port}`;
}

async function toldOf(server: string, timeoutMs = 5_000, ca?: Buffer): Promise<string> {
  const client = createRollcallClient({ server, retries: false, timeoutMs, tls: { ca } });
  const failure: unknown = await client.getUser({ id: "u" }).catch((error: unknown) => error);
  const { message } = callFailure(failure, server);
  expect(message).not.toContain("\n");
  return message;
}

test("that nobody listens, and why", async () => {
  expect(await toldOf("http://127.0.0.1:1")).toBe(
    "cannot reach http://127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1; is a server running there? Start one with: rollcall serve",
  );
});

test("that it speaks TLS, or does not", async () => {
  const certificates = createCertificates();
  onTestFinished(() => certificates.remove());
  const { cert, key } = certificates;
  const secured = createTlsServer({ cert: readFileSync(cert), key: readFileSync(key) });
  expect(await toldOf(`http://${await listening(secured)}`)).toMatch(
    /the URL of a server with TLS begins with https:$/,
  );
  expect(await toldOf(`https://${await listening(createHttpServer())}`)).toMatch(
    /no TLS is spoken there; the URL of a server in clear text begins with http:$/,
  );
});

test("that it is something else", async () => {
  const web = createHttpServer((_, response) => response.end("hello"));
  expect(await toldOf(`http://${await listening(web)}`)).toMatch(
    /does not speak HTTP\/2; is that the port of Rollcall\?$/,
  );
});

test("that it speaks TLS, and no HTTP/2", async () => {
  const certificates = createCertificates();
  onTestFinished(() => certificates.remove());
  const { ca, cert, key } = certificates;
  const web = createHttpsServer({ cert: readFileSync(cert), key: readFileSync(key) }, (_, response) => response.end());
  expect(await toldOf(`https://${await listening(web)}`, 5_000, readFileSync(ca))).toMatch(
    /does not speak HTTP\/2; is that the port of Rollcall\?$/,
  );
});

test("that it does not answer", async () => {
  const sockets: { destroy(): void }[] = [];
  const silent = createServer((socket) => sockets.push(socket.on("error", () => {})));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  expect(await toldOf(`http://${await listening(silent)}`, 100)).toMatch(/ has not answered in time: /);
});
