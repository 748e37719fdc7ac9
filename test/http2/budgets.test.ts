/** What clients of our own HTTP/2 may do that carries no work, frame by frame. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { flags, frame, headerBlock } from "../support/http2-frames.ts";
import { RawHttp2Client } from "../support/http2-raw-client.ts";
import { until } from "../support/until.ts";
import { type OwnServer, startOwn } from "./own-server.ts";

const calm = 11;
const endHeaders = flags.endHeaders;
const whole = flags.endHeaders | flags.endStream;
const priorityFlag = 32;

let server: OwnServer;
let client: RawHttp2Client;
beforeEach(async () => {
  server = await startOwn();
  client = await RawHttp2Client.connect(server.listener.port);
});
afterEach(() => {
  client.socket.destroy();
  server.listener.destroy();
});

function request(path: string, more: Readonly<Record<string, string>> = {}): Buffer {
  return headerBlock({ ":method": "POST", ":scheme": "http", ":path": path, ":authority": "localhost", ...more });
}
const number = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const repeated = (count: number, frames: (id: number) => Buffer): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, index) => frames(2 * index + 1)));

/** Sends frames until the server ends the connection for this reason. */
async function endsFor(reason: string, frames: Buffer): Promise<void> {
  client.send(frames);
  await until(() => client.isClosed);
  expect(server.goaways).toEqual([reason]);
  expect(client.goaways.at(-1)?.code).toBe(calm);
  expect(server.turnedAway).toEqual(["harm"]);
  await until(() => server.listener.connections === 0);
}

/** Each makes the server reset a stream: CVE-2025-8671. */
const provocations: Readonly<Record<string, (id: number) => Buffer[]>> = {
  "a window that is too large": (id) => [
    frame("headers", endHeaders, id, request("/later")),
    frame("windowUpdate", 0, id, number(2 ** 31 - 1)),
  ],
  "a window update of nothing": (id) => [
    frame("headers", endHeaders, id, request("/later")),
    frame("windowUpdate", 0, id, number(0)),
  ],
  "data behind the end": (id) => [
    frame("headers", whole, id, request("/later")),
    frame("data", 0, id, Buffer.from("x")),
  ],
  "headers behind the end": (id) => [
    frame("headers", whole, id, request("/later")),
    frame("headers", whole, id, headerBlock({})),
  ],
  "a body beyond its content-length": (id) => [
    frame("headers", endHeaders, id, request("/later", { "content-length": "1" })),
    frame("data", 0, id, Buffer.from("xy")),
  ],
  "a stream that depends on itself": (id) => [
    frame("headers", endHeaders | priorityFlag, id, Buffer.concat([number(id), Buffer.of(0), request("/later")])),
  ],
  "a malformed request": (id) => [frame("headers", whole, id, request("/later", { connection: "close" }))],
  "trailers that do not end a request": (id) => [
    frame("headers", endHeaders, id, request("/later")),
    frame("headers", endHeaders, id, headerBlock({ "x-t": "1" })),
  ],
};

describe("a client that makes the server reset streams", () => {
  test.each(Object.keys(provocations))("by %s is stopped as one that resets them itself", async (name) => {
    await endsFor(
      "reset_flood",
      repeated(2_000, (id) => Buffer.concat(provocations[name]?.(id) ?? [])),
    );
    expect(server.begun).toBeLessThan(200);
    expect(client.violations).toEqual([]);
  });

  test("now and then is served", async () => {
    const make = provocations["a body beyond its content-length"];
    for (let id = 1; id < 600; id += 4) {
      client.send(...(make?.(id) ?? []), frame("headers", whole, id + 2, request("/")));
      await until(() => client.stream(id + 2)?.end === "end");
    }
    expect(client.isClosed).toBe(false);
  });
});

describe("a block of headers", () => {
  test("in too many frames ends the connection", async () => {
    const begun = frame("headers", 0, 1, request("/"));
    await endsFor(
      "header_block",
      Buffer.concat([begun, repeated(1_000, () => frame("continuation", 0, 1, Buffer.of(0)))]),
    );
    expect(server.begun).toBe(0);
  });

  test("in too many empty frames ends the connection", async () => {
    const begun = frame("headers", 0, 1, request("/"));
    await endsFor("header_block", Buffer.concat([begun, repeated(1_000, () => frame("continuation", 0, 1))]));
  });

  test("of too many bytes ends the connection", async () => {
    const begun = frame("headers", 0, 1, request("/"));
    await endsFor(
      "header_block",
      Buffer.concat([begun, repeated(6, () => frame("continuation", 0, 1, Buffer.alloc(16_000)))]),
    );
  });

  test("that stands for far more bytes than it has ends the connection", async () => {
    // An entry of the dynamic table, and 16,000 fields of a byte each: 65 MB.
    const entry = Buffer.concat([Buffer.of(0x40, 1, 0x61, 0x7f, 0xa1, 0x1e), Buffer.alloc(4_000, "x")]);
    const bomb = Buffer.concat([request("/"), entry, Buffer.alloc(12_000, 0xbe)]);
    await endsFor("header_block", frame("headers", whole, 1, bomb));
    expect(server.begun).toBe(0);
  });

  test("beyond the announced size is answered with 431, again and again", async () => {
    const large = request("/", { "x-large": "x".repeat(15_800), "x-more": "x".repeat(500) });
    for (let id = 1; id < 100; id += 2) {
      client.send(
        frame("headers", 0, id, large.subarray(0, 16_000)),
        frame("continuation", endHeaders, id, large.subarray(16_000)),
      );
    }
    await until(() => client.stream(99)?.end === "end");
    expect(client.stream(99)?.headers).toEqual([":status: 431"]);
    expect(server.begun).toBe(0);
  });
});

describe("frames that have to be answered", () => {
  test.each([
    ["PING", frame("ping", 0, 0, Buffer.alloc(8))],
    ["SETTINGS", frame("settings", 0, 0)],
    ["SETTINGS with many values", frame("settings", 0, 0, Buffer.alloc(6 * 32))],
  ])("%s: too many at once end the connection", async (_, control) => {
    await endsFor(
      "control_frames",
      repeated(500, () => control),
    );
  });

  test("are answered, however many come one after the other", async () => {
    for (let count = 1; count <= 60; count++) {
      client.send(frame("ping", 0, 0, Buffer.alloc(8)));
      await until(() => client.framesOf("ping").length === count);
    }
    expect(client.isClosed).toBe(false);
  });
});

/** Each carries no work. */
const idleFrames: Readonly<Record<string, Buffer>> = {
  PRIORITY: frame("priority", 0, 99, Buffer.alloc(5)),
  "empty DATA": frame("data", 0, 1),
  "DATA of padding alone": frame("data", 8, 1, Buffer.from([9, 0, 0, 0, 0, 0, 0, 0, 0, 0])),
  "WINDOW_UPDATE of a stream": frame("windowUpdate", 0, 1, number(1)),
  "WINDOW_UPDATE of the connection": frame("windowUpdate", 0, 0, number(1)),
  "a PING ACK": frame("ping", flags.ack, 0, Buffer.alloc(8)),
  "a SETTINGS ACK": frame("settings", flags.ack, 0),
  GOAWAY: frame("goAway", 0, 0, Buffer.alloc(8)),
};

test("a SETTINGS frame with more values than a client can need ends its connection", async () => {
  await endsFor("control_frames", frame("settings", 0, 0, Buffer.alloc(6 * 33)));
});

describe("frames that carry no work", () => {
  test.each(Object.keys(idleFrames))("%s: too many end the connection", async (name) => {
    client.send(frame("headers", endHeaders, 1, request("/unread")));
    await endsFor(
      "idle_frames",
      repeated(3_000, () => idleFrames[name] ?? Buffer.alloc(0)),
    );
  });

  test("of an unknown type: too many end the connection", async () => {
    const unknown = frame("ping", 0, 0, Buffer.alloc(8));
    unknown[3] = 99;
    await endsFor(
      "idle_frames",
      repeated(3_000, () => unknown),
    );
  });

  test("DATA and RST_STREAM of closed streams: too many end the connection", async () => {
    client.send(
      frame("headers", endHeaders, 1, request("/unread", { "content-length": "1" })),
      frame("data", 0, 1, Buffer.from("xy")),
    );
    await until(() => client.stream(1)?.end === "reset 1");
    const late = Buffer.concat([frame("data", 0, 1, Buffer.from("x")), frame("reset", 0, 1, number(8))]);
    await endsFor(
      "idle_frames",
      repeated(2_000, () => late),
    );
  });

  test("do not count DATA that is under way when its stream is reset", async () => {
    client.send(frame("headers", endHeaders, 1, request("/unread")));
    await until(() => server.waiting.length === 1);
    server.waiting[0]?.reset("cancel");
    const late = frame("data", 0, 1, Buffer.alloc(100));
    client.send(Buffer.concat(Array.from({ length: 3_000 }, () => late)), frame("ping", 0, 0, Buffer.alloc(8)));
    await until(() => client.framesOf("ping").length > 0);
    expect(server.goaways).toEqual([]);
  });

  test("count DATA of streams that the client has reset, which are no resets themselves", async () => {
    const ids = Array.from({ length: 200 }, (_, index) => 2 * index + 1);
    client.send(...ids.map((id) => frame("headers", endHeaders, id, request("/later"))));
    await until(() => server.begun === ids.length);
    // A later reset is not rapid.
    const beganAt = performance.now();
    await until(() => performance.now() - beganAt > 20);
    client.send(...ids.map((id) => frame("reset", 0, id, number(8))));
    client.send(...ids.map((id) => frame("data", 0, id, Buffer.from("x"))), frame("ping", 0, 0, Buffer.alloc(8)));
    await until(() => client.framesOf("ping").length > 0 || client.isClosed);
    expect(server.goaways).toEqual([]);
    expect(client.framesOf("reset").length).toBe(ids.length);
  });

  test("count DATA of a reset stream beyond its window, which a client cannot have sent before it knew", async () => {
    client.send(frame("headers", endHeaders, 1, request("/unread")));
    await until(() => server.waiting.length === 1);
    server.waiting[0]?.reset("cancel");
    await endsFor(
      "idle_frames",
      repeated(20_000, () => frame("data", 0, 1, Buffer.from("x"))),
    );
  });

  test("are free for a client that is served", async () => {
    for (let id = 1; id <= 4_000; id += 2) {
      client.send(
        frame("headers", endHeaders, id, request("/")),
        frame("windowUpdate", 0, id, number(100)),
        frame("priority", 0, id, Buffer.alloc(5)),
        frame("data", flags.endStream, id, Buffer.from("body")),
        frame("windowUpdate", 0, 0, number(4)),
      );
      if (id % 50 === 1) await until(() => client.framesOf("data", id).length > 0 || client.isClosed);
    }
    expect(client.isClosed).toBe(false);
  });
});
