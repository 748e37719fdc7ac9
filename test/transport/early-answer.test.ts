/** Answers to requests that have not ended: each arrives whole, whatever it has to wait for. */
import { afterEach, describe, expect, test } from "vitest";
import type { Exchange } from "../../src/rpc/exchange.ts";
import { type Listener, listen } from "../../src/transport/listener.ts";
import { settingsOf, windowOf } from "../http2/differential/generate.ts";
import { flags, frame, headerBlock } from "../support/http2-frames.ts";
import { http2Layers } from "../support/http2-layers.ts";
import { RawHttp2Client } from "../support/http2-raw-client.ts";
import { until } from "../support/until.ts";

const initialWindowSize = 4;
/** The client's window for the connection. No setting changes it. */
const connectionWindow = 65_535;
const longBytes = 100_000;
const noError = 0;

const handlers: Readonly<Record<string, (exchange: Exchange) => void>> = {
  "/long": (exchange) => {
    exchange.begin(200, {});
    exchange.end(Buffer.alloc(longBytes));
  },
  "/trailers": (exchange) => {
    exchange.begin(200, {});
    exchange.end(Buffer.alloc(longBytes), { "grpc-status": "0" });
  },
  "/empty": (exchange) => {
    exchange.begin(200, {});
    exchange.end();
  },
};

/** A request that goes on. */
function request(id: number, path: string): Buffer {
  const headers = { ":method": "POST", ":scheme": "http", ":path": path, ":authority": "localhost" };
  return frame("headers", flags.endHeaders, id, headerBlock(headers));
}

describe.each(http2Layers)("with HTTP/2 of %s, a request that goes on", (http2) => {
  let listener: Listener;
  let client: RawHttp2Client;
  afterEach(() => {
    client.socket.destroy();
    listener.destroy();
  });

  async function open(window: number): Promise<void> {
    listener = await listen({
      http2,
      host: "127.0.0.1",
      port: 0,
      handler: (exchange) => handlers[exchange.path]?.(exchange),
    });
    client = await RawHttp2Client.connect(listener.port, settingsOf([initialWindowSize, window]));
  }

  /** Expects the whole answer, and after it that the server asks for no more of the request. */
  async function expectAnswer(id: number, bytes: number): Promise<void> {
    await until(() => client.stream(id)?.end !== "open");
    expect(client.stream(id)).toMatchObject({ end: "end" });
    expect(client.stream(id)?.body.length).toBe(bytes);
    await until(() => client.framesOf("reset", id).length > 0);
    expect(client.framesOf("reset", id).map(({ payload }) => payload.readUInt32BE(0))).toEqual([noError]);
    expect(client.violations).toEqual([]);
  }

  test.each([
    ["a body", "/long"],
    ["a body and trailers", "/trailers"],
  ])("gets %s that waits for the client's window", async (_, path) => {
    const window = 10;
    await open(window);
    client.send(request(1, path));
    await until(() => client.stream(1)?.body.length === window);
    client.send(frame("windowUpdate", 0, 0, windowOf(longBytes)), frame("windowUpdate", 0, 1, windowOf(longBytes)));
    await expectAnswer(1, longBytes);
  });

  test("gets the end of its answer, after another answer has used up the connection's window", async () => {
    await open(2 ** 31 - 1);
    // They arrive together, so that their answers are sent together.
    client.send(Buffer.concat([request(1, "/empty"), request(3, "/long")]));
    await until(() => client.stream(3)?.body.length === connectionWindow && client.stream(1) !== undefined);
    await answersToPings(3);
    client.send(frame("windowUpdate", 0, 0, windowOf(longBytes)));
    await expectAnswer(1, 0);
    await expectAnswer(3, longBytes);
  });

  /** In the meantime the server sends what it can. */
  async function answersToPings(count: number): Promise<void> {
    for (let pings = 1; pings <= count; pings++) {
      client.send(frame("ping", 0, 0, Buffer.alloc(8)));
      await until(() => client.framesOf("ping").length === pings);
    }
  }
});
