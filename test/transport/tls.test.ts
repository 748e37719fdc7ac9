/** The listener over TLS: its certificate, those of clients, and files that change. */
import { once } from "node:events";
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { request as requestHttps } from "node:https";
import { connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { watchedFile } from "../../src/config/watched-file.ts";
import { type Listener, listen } from "../../src/transport/listener.ts";
import { type TlsContext, watchedTlsContext } from "../../src/transport/tls.ts";
import type { TlsOptions } from "../../src/transport/tls-server.ts";
import { type Certificates, createCertificates } from "../support/certificates.ts";
import { answerWith } from "../support/exchanges.ts";
import { until } from "../support/until.ts";

let certificates: Certificates;
let directory: string;
let files: { cert: string; key: string; clientCa: string };
let context: TlsContext;
let listener: Listener;
const errors: Error[] = [];
/** Why connections were closed. */
const turnedAway: string[] = [];

beforeAll(() => {
  certificates = createCertificates();
});
afterAll(() => certificates.remove());
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "rollcall-tls-"));
  files = { cert: join(directory, "cert.pem"), key: join(directory, "key.pem"), clientCa: certificates.ca };
  install(certificates);
});
afterEach(() => {
  listener.destroy();
  context.close();
  rmSync(directory, { recursive: true });
});

function install({ cert, key }: { readonly cert: string; readonly key: string }) {
  copyFileSync(cert, files.cert);
  copyFileSync(key, files.key);
}

async function open(clientCertificates: TlsOptions["clientCertificates"] = "none", sniffTimeoutMs = 10_000) {
  errors.length = 0;
  turnedAway.length = 0;
  context = watchedTlsContext(
    files,
    (changed) => listener.setTlsContext(changed),
    (error) => errors.push(error),
  );
  listener = await listen({
    host: "127.0.0.1",
    port: 0,
    tls: { context: context.current, clientCertificates },
    limits: { sniffTimeoutMs },
    onTurnedAway: (reason) => turnedAway.push(reason),
    handler: (exchange) => answerWith(exchange, `HTTP/${exchange.httpVersion}`),
  });
}

const trusting = () => ({ ca: readFileSync(certificates.ca) });
const shown = ({ cert, key }: { readonly cert: string; readonly key: string }) => ({
  ...trusting(),
  cert: readFileSync(cert),
  key: readFileSync(key),
});

async function http2(options: object = trusting()): Promise<ClientHttp2Session> {
  const session = connectHttp2(`https://127.0.0.1:${listener.port}`, options);
  session.on("error", () => {});
  await once(session, "connect");
  return session;
}

async function get(session: ClientHttp2Session): Promise<string> {
  const stream = session.request({ ":path": "/" });
  let text = "";
  for await (const piece of stream) text += piece;
  return text;
}

function get1(options: object = trusting()): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = requestHttps({ host: "127.0.0.1", port: listener.port, agent: false, ...options }, async (answer) => {
      let text = "";
      for await (const piece of answer) text += piece;
      resolve(text);
    });
    call.on("error", reject).end();
  });
}

test("HTTP/2 and HTTP/1.1 are told apart by ALPN", async () => {
  await open();
  const session = await http2();
  expect(await get(session)).toBe("HTTP/2.0");
  expect(await get1()).toBe("HTTP/1.1");
  session.close();
});

test("client certificates are requested and verified; if they are required, clients without one are refused", async () => {
  await open("require");
  const session = await http2(shown(certificates.sign("caller")));
  expect(await get(session)).toBe("HTTP/2.0");
  session.close();
  await expect(get1()).rejects.toThrow();
  await until(() => turnedAway.length === 1);
  const others = createCertificates();
  onTestFinished(() => others.remove());
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"]) {
    await expect(get1({ ...shown(others), ...trusting(), maxVersion })).rejects.toThrow();
  }
  await until(() => turnedAway.length === 3);
  expect(turnedAway).toEqual(["tls", "tls", "tls"]);
});

test("a client that goes away during the handshake is not counted", async () => {
  await open("require");
  const leaving = connectTcp(listener.port, "127.0.0.1");
  await once(leaving, "connect");
  await until(() => listener.connections === 1);
  leaving.resetAndDestroy();
  await until(() => listener.connections === 0);
  expect(turnedAway).toEqual([]);
});

const serialOf = ({ socket }: ClientHttp2Session) => (socket as TLSSocket).getPeerCertificate().serialNumber;

test("new connections get a new certificate, and the old ones go on", async () => {
  await open();
  const before = await http2();
  const first = serialOf(before);
  install(certificates.sign("second"));
  const last = await until(async () => {
    const session = await http2();
    const serial = serialOf(session);
    session.close();
    return serial !== first && serial;
  });
  expect(last).not.toBe(first);
  expect(await get(before)).toBe("HTTP/2.0");
  before.close();
});

test("no connection fails, and nothing is logged, while another type of key is installed file by file", async () => {
  install(certificates.signRsa("rsa"));
  await open();
  const shownSerial = async () => {
    const session = await http2();
    const serial = serialOf(session);
    session.close();
    return serial;
  };
  const first = await shownSerial();
  let isSeen = false;
  const onChange = () => {
    isSeen = true;
  };
  // It reads the certificate as often as the server does, and started after it.
  const witness = watchedFile({ path: files.cert, parse: String, onChange, onError: () => {} });
  copyFileSync(certificates.cert, files.cert);
  while (!isSeen) expect(await shownSerial()).toBe(first);
  expect(await shownSerial()).toBe(first);
  witness.close();
  copyFileSync(certificates.key, files.key);
  while ((await shownSerial()) === first);
  expect(errors).toEqual([]);
});

test("a key of another certificate changes nothing, and is refused at the start", async () => {
  await open();
  copyFileSync(certificates.signRsa("rsa").key, files.key);
  await until(() => errors.length > 0);
  expect(String(errors[0])).toContain(files.key);
  expect(errors).toHaveLength(1);
  expect(await get1()).toBe("HTTP/1.1");
  const start = () =>
    watchedTlsContext(
      files,
      () => {},
      () => {},
    );
  expect(start).toThrow(files.key);
  copyFileSync(certificates.sign("other").key, files.key);
  expect(start).toThrow(files.key);
});

test("errors name missing files", async () => {
  await open();
  expect(() =>
    watchedTlsContext(
      { ...files, cert: "/none" },
      () => {},
      () => {},
    ),
  ).toThrow("/none");
});

test("connections that do not agree on TLS are closed, and do not delay a stop", async () => {
  await open("none", 200);
  const silent = connectTcp(listener.port, "127.0.0.1").on("error", () => {});
  const garbage = connectTcp(listener.port, "127.0.0.1").on("error", () => {});
  garbage.write("GET / HTTP/1.1\r\n\r\n");
  await Promise.all([once(silent, "close"), once(garbage, "close")]);
  const session = await http2();
  const late = connectTcp(listener.port, "127.0.0.1").on("error", () => {});
  await once(late, "connect");
  const closed = listener.close();
  await Promise.all([closed, once(late, "close")]);
  expect(session.closed || session.destroyed).toBe(true);
});

test("a client of TLS 1.2 may not renegotiate", async () => {
  await open();
  const socket = connectTls({
    port: listener.port,
    host: "127.0.0.1",
    ca: readFileSync(certificates.ca),
    maxVersion: "TLSv1.2",
    ALPNProtocols: ["h2"],
  });
  await once(socket, "secureConnect");
  const answered = new Promise((resolve) => {
    socket.on("error", resolve);
    socket.renegotiate({}, resolve);
  });
  expect(await answered).toMatchObject({ code: "ERR_SSL_NO_RENEGOTIATION" });
  socket.destroy();
});

test("a client with neither protocol is refused", async () => {
  await open();
  const socket = connectTls({ port: listener.port, host: "127.0.0.1", ...trusting(), ALPNProtocols: ["h3"] });
  const [error] = await once(socket, "error").catch((failure: unknown) => [failure]);
  expect(String(error)).toMatch(/no application protocol/i);
});
