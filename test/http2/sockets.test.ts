/** What our own HTTP/2 leaves to its socket, which over TLS has buffers of its own. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:tls";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { limits } from "../../src/http2/limits.ts";
import type { Exchange } from "../../src/rpc/exchange.ts";
import { type Certificates, createCertificates } from "../support/certificates.ts";
import { flags, frame } from "../support/http2-frames.ts";
import { RawHttp2Client } from "../support/http2-raw-client.ts";
import { until } from "../support/until.ts";
import { settingsOf, windowOf } from "./differential/generate.ts";
import { longBytes, type OwnServer, startOwn } from "./own-server.ts";
import { initialWindowSize, maxInt31, request } from "./raw-requests.ts";

/** The client's window for the connection, as long as it sends no WINDOW_UPDATE. */
const connectionWindow = 65_535;
const answerBytes = 16_000;

let certificates: Certificates;
beforeAll(() => {
  certificates = createCertificates();
});
afterAll(() => certificates.remove());

describe.each(["clear text", "TLS"] as const)("over %s", (kind) => {
  let server: OwnServer;
  let client: RawHttp2Client;
  beforeEach(async () => {
    const settings = settingsOf([initialWindowSize, maxInt31]);
    if (kind === "clear text") {
      server = await startOwn();
      client = await RawHttp2Client.connect(server.listener.port, settings);
      return;
    }
    const context = { cert: readFileSync(certificates.cert), key: readFileSync(certificates.key) };
    server = await startOwn({}, { tls: { context, clientCertificates: "none" } });
    const ca = readFileSync(certificates.ca);
    const socket = connect({ host: "127.0.0.1", port: server.listener.port, ca, ALPNProtocols: ["h2"] });
    await once(socket, "secureConnect");
    client = await RawHttp2Client.over(socket, settings);
  });
  afterEach(() => {
    client.socket.destroy();
    server.listener.destroy();
  });

  test("headers of an answer are sent although another answer has used up the connection's window", async () => {
    client.send(request(1, "/later"), request(3, "/later"));
    await until(() => server.waiting.length === 2);
    const [long, short] = server.waiting;
    long?.begin(200, {});
    long?.write(Buffer.alloc(longBytes));
    await until(() => client.stream(1)?.body.length === connectionWindow);
    short?.begin(200, {});
    short?.write(Buffer.from("x"));
    await until(() => client.stream(3)?.headers.includes(":status: 200") === true);
    expect(client.stream(3)?.body.length).toBe(0);
    expect(client.stream(1)?.body.length).toBe(connectionWindow);
    expect(client.violations).toEqual([]);
  });

  test("a client that says goodbye, and takes none of its last answers, loses its connection", async () => {
    const ids = Array.from({ length: limits.streams }, (_, index) => 2 * index + 1);
    client.send(frame("windowUpdate", 0, 0, windowOf(2 ** 30)), ...ids.map((id) => request(id, "/later")));
    await until(() => server.waiting.length === ids.length);
    client.socket.pause();
    expect(await answerUntilFull(server.waiting)).toBeGreaterThan(0);
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    onTestFinished(() => void vi.useRealTimers());
    client.send(frame("goAway", 0, 0, Buffer.alloc(8)));
    await until(() => {
      vi.advanceTimersByTime(limits.lastAnswersMs);
      return server.listener.connections === 0;
    });
  });

  test("a client that says goodbye gets its last answers, also when it reads them later than the connection lingers", async () => {
    const ids = Array.from({ length: limits.streams }, (_, index) => 2 * index + 1);
    client.send(frame("windowUpdate", 0, 0, windowOf(2 ** 30)), ...ids.map((id) => request(id, "/later")));
    await until(() => server.waiting.length === ids.length);
    client.socket.pause();
    const answered = await answerUntilFull(server.waiting);
    expect(answered).toBeGreaterThan(0);
    client.send(frame("goAway", 0, 0, Buffer.alloc(8)));
    const since = performance.now();
    await until(() => performance.now() - since > 1.5 * limits.lingerMs);
    client.socket.resume();
    await until(() => client.isClosed);
    const ended = client.framesOf("data").filter((one) => (one.flags & flags.endStream) !== 0);
    expect(ended.map(({ stream }) => stream)).toEqual(ids.slice(0, answered));
    expect(client.violations).toEqual([]);
  });
});

/**
 * Answers until an answer has to wait for the socket, and resets that one and the rest: the socket has all that there is.
 *
 * @returns how many have been answered
 */
async function answerUntilFull(exchanges: readonly Exchange[]): Promise<number> {
  let answered = 0;
  for (const exchange of exchanges) {
    exchange.begin(200, {});
    exchange.end(Buffer.alloc(answerBytes));
    for (let turns = 0; turns < 10 && !exchange.isGone; turns++) await turn();
    if (!exchange.isGone) break;
    answered++;
  }
  expect(answered).toBeLessThan(exchanges.length);
  for (const exchange of exchanges.slice(answered)) exchange.reset("cancel");
  return answered;
}

/** One turn of the event loop, in which the server writes what it has gathered, and the kernel takes it. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
