/** The windows of our own HTTP/2, in both directions. */
import { afterEach, describe, expect, test } from "vitest";
import { limits } from "../../src/http2/limits.ts";
import { flags, frame, frameTypes } from "../support/http2-frames.ts";
import { RawHttp2Client } from "../support/http2-raw-client.ts";
import { until } from "../support/until.ts";
import { settingsOf, windowOf } from "./differential/generate.ts";
import { longBytes, type OwnServer, startOwn } from "./own-server.ts";
import { data, initialWindowSize, maxInt31, request, settled } from "./raw-requests.ts";

const streamWindowBytes = 512 * 1024;
const calm = 11;
const flowControlError = 3;

let server: OwnServer;
let client: RawHttp2Client;
afterEach(() => {
  client.socket.destroy();
  server.listener.destroy();
});

async function open(settings?: Buffer): Promise<void> {
  server = await startOwn();
  client = await RawHttp2Client.connect(server.listener.port, settings);
}

describe("a window of the client's", () => {
  test("that is zero holds answers back, and their handlers, until it opens", async () => {
    await open(settingsOf([initialWindowSize, 0]));
    for (let id = 1; id < 200; id += 2) client.send(request(id, "/long"));
    await settled(client);
    expect(server.begun).toBe(100);
    expect(client.framesOf("data")).toEqual([]);
    expect(server.written).toBeLessThanOrEqual(100 * 96 * 1024);
    client.send(frame("windowUpdate", 0, 0, windowOf(longBytes)), frame("windowUpdate", 0, 1, windowOf(longBytes)));
    await until(() => client.stream(1)?.end === "end");
    expect(client.stream(1)?.body.length).toBe(longBytes);
    expect(client.violations).toEqual([]);
  });

  test("for the connection holds DATA back, and no headers", async () => {
    await open(settingsOf([initialWindowSize, maxInt31]));
    client.send(request(1, "/later"), request(3, "/later"));
    await until(() => server.waiting.length === 2);
    const [long, short] = server.waiting;
    // It takes the window and the room, so that the other has to wait for room.
    long?.begin(200, {});
    long?.write(Buffer.alloc(longBytes));
    short?.answer(204, {});
    await until(() => client.stream(3)?.end === "end");
    expect(client.stream(1)?.body.length).toBe(65_535);
  });

  test("that opens byte by byte ends the connection", async () => {
    await open(settingsOf([initialWindowSize, 1]));
    client.send(request(1, "/long"));
    client.send(Buffer.concat(Array.from({ length: 3_000 }, () => frame("windowUpdate", 0, 1, windowOf(1)))));
    await until(() => client.isClosed);
    expect(client.goaways.map(({ code }) => code)).toEqual([calm]);
    expect(server.goaways).toEqual(["idle_frames"]);
  });

  test("that SETTINGS makes negative opens again with the next ones", async () => {
    await open(settingsOf([initialWindowSize, 1_000]));
    client.send(request(1, "/long"));
    await settled(client);
    client.send(
      frame("settings", 0, 0, settingsOf([initialWindowSize, 0])),
      frame("windowUpdate", 0, 1, windowOf(999)),
    );
    await settled(client);
    expect(client.stream(1)?.body.length).toBe(1_000);
    client.send(frame("windowUpdate", 0, 1, windowOf(11)));
    await settled(client);
    expect(client.stream(1)?.body.length).toBe(1_010);
  });

  test("for the connection is shared by its streams, in turn", async () => {
    await open();
    for (const id of [1, 3, 5]) client.send(request(id, "/long"));
    await settled(client);
    client.send(...[1, 3, 5].map((id) => frame("windowUpdate", 0, id, windowOf(longBytes))));
    for (let round = 0; round < 8; round++) {
      client.send(frame("windowUpdate", 0, 0, windowOf(50_000)));
      await settled(client);
    }
    for (const id of [1, 3, 5]) expect(client.stream(id)?.body.length).toBeGreaterThan(50_000);
    expect(client.violations).toEqual([]);
  });
});

describe("the server's window", () => {
  test("for a stream opens only as its handler reads", async () => {
    await open();
    client.send(request(1, "/unread", flags.endHeaders), data(1, streamWindowBytes));
    await settled(client);
    expect(client.framesOf("windowUpdate", 1)).toEqual([]);
    const [exchange] = server.waiting;
    expect(exchange?.unread).toBe(streamWindowBytes);
    exchange?.receive(
      () => {},
      () => {},
    );
    await until(() => client.framesOf("windowUpdate", 1).length > 0);
  });

  test("for a stream: a client that sends beyond it loses the stream", async () => {
    await open();
    client.send(request(1, "/unread", flags.endHeaders), data(1, streamWindowBytes + 1), request(3, "/"));
    await until(() => client.stream(3)?.end === "end");
    expect(client.stream(1)?.end).toBe(`reset ${flowControlError}`);
  });

  test("for the connection: a client that sends beyond it loses the connection", async () => {
    await open();
    for (let id = 1; id < 70; id += 2)
      client.send(request(id, "/unread", flags.endHeaders), data(id, streamWindowBytes));
    await until(() => client.isClosed);
    expect(client.goaways.map(({ code }) => code)).toEqual([flowControlError]);
  });

  test("for the connection is given back to some streams, however much others leave unread", async () => {
    await open();
    let window: number = limits.connectionWindowBytes;
    let id = 1;
    // More than half of it.
    for (let unread = 0; unread < 17; unread++, id += 2) {
      client.send(request(id, "/unread", flags.endHeaders), data(id, streamWindowBytes));
      window -= streamWindowBytes;
    }
    await settled(client);
    const updates = client.framesOf("windowUpdate", 0).length;
    let seen = updates;
    for (let served = 0; served < 300; served++, id += 2) {
      const bytes = 64 * 1024;
      const stream = id;
      client.send(request(stream, "/", flags.endHeaders), data(stream, bytes, flags.endStream));
      window -= bytes;
      expect(window).toBeGreaterThanOrEqual(0);
      await until(() => client.stream(stream)?.end === "end");
      const more = client.framesOf("windowUpdate", 0);
      for (const { payload } of more.slice(seen)) window += payload.readUInt32BE(0);
      seen = more.length;
    }
    expect(client.violations).toEqual([]);
  });

  test("for the connection is given back for what a dropped request has sent", async () => {
    await open();
    for (let id = 1; id < 200; id += 2) {
      client.send(request(id, "/unread", flags.endHeaders), data(id, streamWindowBytes));
      client.send(frame("reset", 0, id, windowOf(8)));
      await settled(client);
    }
    client.send(request(201, "/", flags.endHeaders), data(201, 1_000, flags.endStream));
    await until(() => client.stream(201)?.end === "end");
    expect(client.isClosed).toBe(false);
  });
});

describe("a window that opens in small steps", () => {
  test("at once is used in one", async () => {
    await open(settingsOf([initialWindowSize, 0]));
    client.send(request(1, "/long"));
    await until(() => client.stream(1)?.headers !== undefined);
    client.send(...Array.from({ length: 100 }, () => frame("windowUpdate", 0, 1, windowOf(10))));
    await until(() => client.framesOf("data").length > 0);
    expect(client.framesOf("data").map(({ payload }) => payload.length)).toEqual([1_000]);
  });

  test("is no harm where each gives back what a frame has used", async () => {
    await open(settingsOf([initialWindowSize, maxInt31]));
    const streams = Array.from({ length: 12 }, (_, index) => 2 * index + 1);
    client.send(...streams.map((id) => request(id, "/long")));
    const isDone = () => client.isClosed || streams.every((id) => client.stream(id)?.end === "end");
    for (let seen = 0; !isDone(); ) {
      await until(() => client.frames.length > seen || isDone());
      const given = client.frames
        .slice(seen)
        .filter(({ type, payload }) => type === frameTypes.data && payload.length > 0);
      seen = client.frames.length;
      client.send(...given.map(({ payload }) => frame("windowUpdate", 0, 0, windowOf(payload.length))));
    }
    expect(server.goaways).toEqual([]);
    expect(client.isClosed).toBe(false);
  });
});
