/** What is said of a server that does not answer as one does. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { createServer, type Server } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { callFailure } from "../../src/cli/call-failure.ts";
import { Code, createRollcallClient, type Protocol, RollcallError } from "../../src/client/index.ts";
import { type Certificates, createCertificates } from "../support/certificates.ts";
import { foreignServer } from "../support/foreign-server.ts";
import { rollcall } from "../support/processes.ts";
import { startTestServer } from "../support/server.ts";
import { until } from "../support/until.ts";

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

const notHttp2 =
  /does not speak HTTP\/2; if it leads to Rollcall, call it with --protocol connect, or protocol: "connect"/;

type Tls = { ca?: Buffer; cert?: Buffer; key?: Buffer };

/** What the command line says of a call to the server, and what the client's error says. */
async function toldOf(server: string, timeoutMs = 5_000, tls: Tls = {}, protocol?: Protocol): Promise<string> {
  const client = createRollcallClient({ server, retries: false, timeoutMs, tls, protocol });
  const failure: unknown = await client.getUser({ id: "u" }).catch((error: unknown) => error);
  const { message } = callFailure(failure, server);
  expect(message).not.toContain("\n");
  if (!(failure instanceof RollcallError)) throw new Error("the call has not failed");
  if (failure.code !== Code.DeadlineExceeded) expect(failure.rawMessage).toBe(message);
  return message;
}

test("that nobody listens, and why", async () => {
  expect(await toldOf("http://127.0.0.1:1")).toBe(
    "cannot reach http://127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1; is a server running there? Start one with: rollcall serve",
  );
});

describe("with TLS", () => {
  let certificates: Certificates;
  beforeAll(() => {
    certificates = createCertificates();
  });
  afterAll(() => certificates.remove());

  const turnedAway = 'rollcall_connections_turned_away_total{rollcall_reason="tls"}';

  interface Files {
    readonly cert: string;
    readonly key: string;
  }
  const read = ({ cert, key }: Files) => ({ cert: readFileSync(cert), key: readFileSync(key) });
  const secured = (files: Files = certificates, options: TlsOptions = {}) =>
    listening(createTlsServer({ ALPNProtocols: ["h2"], ...read(files), ...options }).on("tlsClientError", () => {}));
  const ca = () => ({ ca: readFileSync(certificates.ca) });

  test("that the URL has the wrong scheme", async () => {
    const server = await startTestServer({ access: { tlsCert: certificates.cert, tlsKey: certificates.key } });
    onTestFinished(() => server.stop());
    const clear = server.url.replace("https:", "http:");
    const expected = `cannot reach ${clear}: the connection was closed without an answer; the server may expect TLS: the URL of a server with TLS begins with https:`;
    expect(await toldOf(clear)).toBe(expected);
    expect((await rollcall(["health", "--server", clear])).stderr).toBe(`rollcall: ${expected}\n`);
    await until(async () => ((await server.metric(turnedAway)) ?? 0) >= 2);
    const spoken = await startTestServer();
    onTestFinished(() => spoken.stop());
    const secure = spoken.url.replace("http:", "https:");
    for (const url of [secure, `https://${await listening(createHttpServer())}`]) {
      expect(await toldOf(url)).toBe(
        `cannot reach ${url}: the server does not speak TLS; the URL of a server without TLS begins with http:`,
      );
    }
    expect((await rollcall(["health", "--server", secure])).stderr).toMatch(/the server does not speak TLS/);
  });

  test("that the server's certificate is not trusted, has expired, or is for another name", async () => {
    const trusted = await secured();
    expect(await toldOf(`https://${trusted}`)).toMatch(
      /: the server's certificate is not signed by a trusted authority \(unable to .*\); name its authority: --ca, or tls.ca in TypeScript$/,
    );
    const expired = await secured(certificates.signExpired("expired"));
    expect(await toldOf(`https://${expired}`, 5_000, ca())).toMatch(
      /: the server's certificate has expired; give the server a new one$/,
    );
    const local = trusted.replace("127.0.0.1", "localhost");
    expect(await toldOf(`https://${local}`, 5_000, ca())).toMatch(
      /: the server's certificate is not for localhost \(.*127\.0\.0\.1.*\); call the server by a name in its certificate,/,
    );
  });

  test("that the server asks for a client certificate, or does not accept the one that is shown", async () => {
    const asks = { ...ca(), requestCert: true, rejectUnauthorized: true, minVersion: "TLSv1.3" } as const;
    const url = `https://${await secured(certificates, asks)}`;
    expect(await toldOf(url, 5_000, ca())).toMatch(/(asks for|accept the) (a )?client certificate.* --cert and --key/);
    const others = createCertificates();
    onTestFinished(() => others.remove());
    const shown = { ...ca(), ...read(others) };
    expect(await toldOf(url, 5_000, shown)).toMatch(
      /accept the client certificate.* --cert and --key|\(--cert and --key\)/,
    );
  });

  test("that it speaks no HTTP/2", async () => {
    const web = createHttpsServer(read(certificates), (_, response) => response.end());
    const url = `https://${await listening(web)}`;
    expect(await toldOf(url, 5_000, ca(), "grpc")).toMatch(notHttp2);
  });

  test("that it is something else than Rollcall, over HTTP/1.1", async () => {
    const web = createHttpsServer(read(certificates), (_, response) => response.end());
    const client = createRollcallClient({ server: `https://${await listening(web)}`, retries: false, tls: ca() });
    await expect(client.getUser({ id: "u" })).rejects.toThrow(
      /HTTP 200 with no content type, .*another server listens/,
    );
  });
});

test("that a port does not speak HTTP/1.1", async () => {
  const other = createServer((socket) => socket.on("error", () => {}).end("220 mail.example ESMTP\r\n"));
  const url = `http://${await listening(other)}`;
  expect(await toldOf(url, 5_000, {}, "connect")).toMatch(/does not speak HTTP\/1\.1; is that the port of Rollcall\?/);
});

test("that it is something else", async () => {
  const web = createHttpServer((_, response) => response.end("hello"));
  expect(await toldOf(`http://${await listening(web)}`)).toMatch(notHttp2);
});

test("that there is no such host", async () => {
  expect(await toldOf("http://nowhere.invalid:50051")).toMatch(
    /: getaddrinfo \w+ nowhere.invalid; check the host's name, and DNS/,
  );
});

test("that the connection was closed, without a guess where the server has answered before", async () => {
  const server = await foreignServer((stream) => {
    if (server.calls() === 1) {
      stream.respond({ ":status": 200, "content-type": "application/grpc", "grpc-status": 5 });
      stream.end();
    } else stream.session?.destroy();
  });
  const client = createRollcallClient({ server: server.url, retries: false });
  await expect(client.getUser({ id: "u" })).rejects.toMatchObject({ code: Code.NotFound });
  await expect(client.getUser({ id: "u" })).rejects.toMatchObject({
    code: Code.Unavailable,
    rawMessage: `cannot reach ${server.url}: the connection was closed before the answer came`,
  });
});

test("that it does not answer", async () => {
  const sockets: { destroy(): void }[] = [];
  const silent = createServer((socket) => sockets.push(socket.on("error", () => {})));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  expect(await toldOf(`http://${await listening(silent)}`, 100)).toMatch(/ has not answered in time: /);
});
