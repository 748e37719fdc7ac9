/** One connection of our own HTTP/2: slow readers, its streams, and how it ends. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { limits } from "../../src/http2/limits.ts";
import type { ConnectionLimits } from "../../src/transport/http-server.ts";
import { answerWith } from "../support/exchanges.ts";
import { flags, frame } from "../support/http2-frames.ts";
import { RawHttp2Client } from "../support/http2-raw-client.ts";
import { until } from "../support/until.ts";
import { settingsOf, windowOf } from "./differential/generate.ts";
import { longBytes, type OwnServer, startOwn } from "./own-server.ts";
import { initialWindowSize, maxInt31, request, settled, whole } from "./raw-requests.ts";

const calm = 11;
const protocolError = 1;
const frameSizeError = 6;
const refusedStream = 7;

let server: OwnServer;
let client: RawHttp2Client;
afterEach(() => {
  client.socket.destroy();
  server.listener.destroy();
});

async function open(connectionLimits: Partial<ConnectionLimits> = {}, settings?: Buffer): Promise<void> {
  server = await startOwn(connectionLimits);
  client = await RawHttp2Client.connect(server.listener.port, settings);
}

describe("a client that reads nothing", () => {
  test("gets no more than a bounded part of its answers, and the rest when it reads on", async () => {
    await open({}, settingsOf([initialWindowSize, maxInt31]));
    client.send(frame("windowUpdate", 0, 0, windowOf(1_000_000_000)));
    await settled(client);
    client.socket.pause();
    const streams = 64;
    for (let id = 1; id < 2 * streams; id += 2) client.send(request(id, "/long"));
    await until(() => server.begun === streams);
    const before = await stable(() => server.written);
    // Handlers wait with 64 KiB each; the rest is the kernel's.
    expect(before).toBeLessThan(streams * 80 * 1024 + 12 * 1024 * 1024);
    client.socket.resume();
    for (let id = 1; id < 2 * streams; id += 2) await until(() => client.stream(id)?.end === "end");
    expect(server.written).toBe(streams * longBytes);
  });

  test("is no longer read when the answers to its PINGs wait, however many it sends", async () => {
    const socket = await openAndSee();
    const full = await fill(socket);
    const pings = (count: number) => Buffer.alloc(count * ping.length, ping);
    // Groups that are answered before the next one may go on for ever, as far as the budget is concerned.
    for (let groups = 0; !socket.isPaused() && groups < 2_000; groups++) {
      const read = socket.bytesRead;
      client.send(pings(limits.controlFramesAtOnce));
      while (!socket.isPaused() && socket.bytesRead < read + limits.controlFramesAtOnce * ping.length) await turn();
      await turn();
    }
    expect(socket.isPaused()).toBe(true);
    expect(full).toBeLessThan(limits.outputBytesToPause);
    const { bytesRead, writableLength } = socket;
    expect(writableLength).toBeGreaterThan(limits.outputBytesToPause);
    expect(writableLength).toBeLessThan(limits.outputBytesToPause + limits.outputBytes);
    client.send(pings(100_000));
    // Node reads ahead once or twice.
    expect(await stable(() => socket.bytesRead)).toBeLessThanOrEqual(bytesRead + 2 * socket.readableHighWaterMark);
    expect(socket.writableLength).toBe(writableLength);
    expect(server.goaways).toEqual([]);
    // Once it reads, the rest arrives, and is a flood.
    client.socket.resume();
    await until(() => client.isClosed);
    expect(server.goaways).toEqual(["control_frames"]);
  });

  test("loses its connection when it floods the server with PINGs", async () => {
    const socket = await openAndSee();
    await fill(socket);
    client.send(Buffer.alloc((limits.controlFramesAtOnce + 1) * ping.length, ping));
    await until(() => server.goaways.length > 0);
    expect(server.goaways).toEqual(["control_frames"]);
    await until(() => socket.destroyed && server.listener.connections === 0);
  });

  const ping = frame("ping", 0, 0, Buffer.alloc(8));

  /** @returns the server's socket */
  async function openAndSee(): Promise<Socket> {
    const seen: Socket[] = [];
    const see = (message: unknown) => seen.push((message as { socket: Socket }).socket);
    subscribe("net.server.socket", see);
    await open({}, settingsOf([initialWindowSize, maxInt31]));
    unsubscribe("net.server.socket", see);
    const [socket] = seen;
    if (socket === undefined || seen.length > 1) throw new Error("there is one connection");
    return socket;
  }

  /** Stops reading, and lets answers wait. @returns bytes that the kernel does not take */
  async function fill(socket: Socket): Promise<number> {
    client.send(frame("windowUpdate", 0, 0, windowOf(1_000_000_000)));
    await settled(client);
    client.socket.pause();
    for (let id = 1; id < 64; id += 2) client.send(request(id, "/long"));
    await until(() => server.begun === 32);
    const waiting = await stable(() => socket.writableLength);
    expect(waiting).toBeGreaterThan(0);
    return waiting;
  }
});

/** One turn of the event loop, in which the server reads and answers too. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** The number once it is the same for a while. */
async function stable(read: () => number): Promise<number> {
  let seen = read();
  let times = 0;
  await until(() => {
    const now = read();
    times = now === seen ? times + 1 : 0;
    seen = now;
    return times === 10;
  });
  return seen;
}

describe("streams", () => {
  test("beyond the announced number are refused, and the others continue", async () => {
    await open();
    client.send(Buffer.concat(Array.from({ length: 1_025 }, (_, index) => request(2 * index + 1, "/later"))));
    await until(() => client.stream(2_049)?.end === `reset ${refusedStream}`);
    expect(server.begun).toBe(1_024);
    client.send(frame("reset", 0, 1, windowOf(8)), request(2_051, "/"));
    await until(() => client.stream(2_051)?.end === "end");
  });

  test("that close with their connection are closed for their handlers", async () => {
    await open();
    for (let id = 1; id < 20; id += 2) client.send(request(id, "/later"));
    await until(() => server.waiting.length === 10);
    client.socket.resetAndDestroy();
    await until(() => server.waiting.every(({ isGone }) => isGone));
    await until(() => server.listener.connections === 0);
  });
});

describe("a request that goes on behind its answer", () => {
  const noError = 0;

  test("is not reset if it ends soon", async () => {
    await open();
    client.send(request(1, "/early", flags.endHeaders));
    await until(() => client.stream(1)?.end === "end");
    client.send(frame("data", flags.endStream, 1, Buffer.alloc(10)), request(3, "/early", flags.endHeaders));
    // This one does not end, and is reset after the time in which the first would have been.
    await until(() => client.framesOf("reset").length > 0);
    expect(client.framesOf("reset").map(({ stream, payload }) => [stream, payload.readUInt32BE(0)])).toEqual([
      [3, noError],
    ]);
    expect(client.violations).toEqual([]);
  });

  test("is ignored once it is reset", async () => {
    await open();
    client.send(request(1, "/early", flags.endHeaders));
    await until(() => client.framesOf("reset", 1).length === 1);
    client.send(frame("data", 0, 1, Buffer.alloc(10)), frame("data", flags.endStream, 1), request(3, "/"));
    await until(() => client.stream(3)?.end === "end");
    expect(client.framesOf("reset")).toHaveLength(1);
    expect(server.goaways).toEqual([]);
  });
});

describe("a connection that is told to go away", () => {
  test("still serves what was sent before it knew, and says at the end which stream was the last", async () => {
    await open();
    client.send(request(1, "/later"));
    await until(() => server.waiting.length === 1);
    const closed = server.listener.close();
    await until(() => client.goaways.length === 1);
    expect(client.goaways).toEqual([{ lastStream: maxInt31, code: 0 }]);
    client.send(request(3, "/"));
    await until(() => client.stream(3)?.end === "end");
    // The PING that goes with the first GOAWAY.
    const [ping] = client.framesOf("ping");
    client.send(frame("ping", flags.ack, 0, ping?.payload));
    await until(() => client.goaways.length === 2);
    expect(client.goaways[1]).toEqual({ lastStream: 3, code: 0 });
    client.send(request(5, "/"));
    await settled(client);
    expect(client.stream(5)).toBeUndefined();
    server.waiting[0]?.answer(204, {});
    await until(() => client.isClosed);
    expect(client.stream(1)?.headers).toEqual([":status: 204"]);
    expect(server.goaways).toEqual(["drain"]);
    await closed;
  });

  test("is told which stream was the last a second later, if it does not answer the PING", async () => {
    await open();
    const closed = server.listener.close();
    await until(() => client.isClosed);
    expect(client.goaways).toEqual([
      { lastStream: maxInt31, code: 0 },
      { lastStream: 0, code: 0 },
    ]);
    await closed;
  });

  test("is closed once a client that says goodbye itself has its answers", async () => {
    await open();
    client.send(request(1, "/later"), frame("goAway", 0, 0, Buffer.alloc(8)));
    await until(() => server.waiting.length === 1);
    await settled(client);
    expect(client.isClosed).toBe(false);
    server.waiting[0]?.answer(204, {});
    await until(() => client.isClosed);
    expect(client.stream(1)?.end).toBe("end");
    expect(server.turnedAway).toEqual([]);
  });
});

test("an answer that waits for its client keeps no headers of its request", async () => {
  await open({}, settingsOf([initialWindowSize, 0]));
  client.send(request(1, "/later", whole, { "x-large": "x".repeat(10_000) }));
  await until(() => server.waiting.length === 1);
  const [exchange] = server.waiting;
  if (exchange === undefined) expect.fail("it has not arrived");
  expect(exchange.headers["x-large"]).toHaveLength(10_000);
  answerWith(exchange, "done");
  expect(exchange.isGone).toBe(false);
  expect(exchange.headers).toEqual({});
  expect(exchange.rawHeaders).toEqual([]);
});

test("a frame that is too long ends the connection", async () => {
  await open();
  client.send(request(1, "/unread", flags.endHeaders), frame("data", 0, 1, Buffer.alloc(limits.frameBytes + 1)));
  await until(() => client.isClosed);
  expect(client.goaways.map(({ code }) => code)).toEqual([frameSizeError]);
  expect(server.goaways).toEqual(["protocol"]);
});

describe("padding", () => {
  const padded = 8;

  test("may fill a frame", async () => {
    await open();
    client.send(request(1, "/", flags.endHeaders), frame("data", padded | flags.endStream, 1, Buffer.from([2, 0, 0])));
    await until(() => client.stream(1)?.end === "end");
  });

  test("may be no longer than its frame", async () => {
    await open();
    client.send(request(1, "/", flags.endHeaders), frame("data", padded, 1, Buffer.from([3, 0, 0])));
    await until(() => client.isClosed);
    expect(client.goaways.map(({ code }) => code)).toEqual([protocolError]);
  });
});

test("a block of headers that never ends is closed with its connection, when no PING is answered", async () => {
  await open({ pingIntervalMs: 50 });
  client.send(request(1, "/", 0));
  await until(() => client.isClosed);
  expect(server.turnedAway).toEqual(["timeout"]);
  expect(server.begun).toBe(0);
});

test("a connection that ends tells why before it closes, although its client goes on sending", async () => {
  await open();
  const flood = Buffer.concat(Array.from({ length: 500 }, () => frame("ping", 0, 0, Buffer.alloc(8))));
  for (let times = 0; times < 20; times++) client.send(flood, Buffer.alloc(100_000));
  await until(() => client.isClosed);
  expect(client.goaways.map(({ code }) => code)).toEqual([calm]);
});
