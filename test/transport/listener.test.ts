import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Exchange } from "../../src/rpc/exchange.ts";
import { type Listener, type ListenerOptions, listen } from "../../src/transport/listener.ts";
import { answerWith } from "../support/exchanges.ts";
import { streamStarts } from "../support/grpc-streams.ts";
import { flags, frame, headerBlock, preface } from "../support/http2-frames.ts";
import { until } from "../support/until.ts";

/** Which HTTP/2 serves. */
let http2: "own" | "node";
let listener: Listener;
let url: string;
/** More bytes than the sockets between a client and the server buffer. */
const long = Buffer.alloc(32 * 1024 * 1024, "x");
/** Answers that wait for the test to send them. */
let waiting: (() => void)[];
/** Why requests were refused. */
let refusedFor: string[];
/** Why connections were closed. */
let turnedAway: string[];
beforeEach(async () => {
  waiting = [];
  refusedFor = [];
  turnedAway = [];
  await start();
});
afterEach(() => listener.destroy());

/** @param limits that a test is about; others are too far for a busy machine to reach */
async function start(limits?: ListenerOptions["limits"]): Promise<void> {
  listener = await listen({
    http2,
    host: "127.0.0.1",
    port: 0,
    limits,
    onRefused: (reason) => refusedFor.push(reason),
    onTurnedAway: (reason) => turnedAway.push(reason),
    handler: (exchange) => {
      const answer = () => answerWith(exchange, `${exchange.method} HTTP/${exchange.httpVersion}`);
      if (exchange.path === "/waiting") waiting.push(answer);
      else if (exchange.path === "/long") answerWith(exchange, long);
      else if (exchange.path === "/reset") beginAndReset(exchange);
      else answer();
    },
  });
  url = `http://127.0.0.1:${listener.port}`;
}

/** Reads the whole request, and resets the exchange in the middle of its answer. */
function beginAndReset(exchange: Exchange): void {
  const onWhole = () => {
    exchange.begin(200, {});
    exchange.write(Buffer.from("begun"));
    waiting.push(() => exchange.reset("calm"));
  };
  exchange.receive(() => {}, onWhole);
}

/** Starts another listener in place of the one without limits. */
function restart(limits: ListenerOptions["limits"]): Promise<void> {
  listener.destroy();
  return start(limits);
}

/** A raw connection, and everything that it has received. */
async function raw(): Promise<{ socket: Socket; received: () => string; closed: () => boolean }> {
  const socket = connect({ host: "127.0.0.1", port: listener.port, noDelay: true });
  let text = "";
  let closed = false;
  socket.on("data", (chunk) => {
    text += chunk.toString("latin1");
  });
  socket.on("close", () => {
    closed = true;
  });
  socket.on("error", () => {});
  await new Promise((resolve) => socket.once("connect", resolve));
  return { socket, received: () => text, closed: () => closed };
}

async function byteByByte(socket: Socket, bytes: Uint8Array): Promise<void> {
  for (const byte of bytes) {
    await new Promise((resolve) => socket.write(Uint8Array.of(byte), resolve));
    await new Promise(setImmediate);
  }
}

const refused = () =>
  fetch(url).then(
    () => false,
    () => true,
  );

function http2Get(session: ClientHttp2Session, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ":path": path });
    let text = "";
    stream.on("data", (chunk) => {
      text += chunk;
    });
    stream.on("end", () => resolve(text));
    stream.on("error", reject);
  });
}

describe.each(["own", "node"] as const)("with HTTP/2 of %s", (layer) => {
  beforeAll(() => {
    http2 = layer;
  });

  describe("one port", () => {
    test("speaks HTTP/1.1 and HTTP/2", async () => {
      expect(await (await fetch(url)).text()).toBe("GET HTTP/1.1");
      const session = connectHttp2(url);
      expect(await http2Get(session, "/")).toBe("GET HTTP/2.0");
      session.close();
    });

    test("tells a POST from HTTP/2's preface, which begins alike, also byte by byte", async () => {
      const { socket, received } = await raw();
      await byteByByte(socket, Buffer.from("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n"));
      await until(() => received().includes("POST HTTP/1.1"));
      socket.destroy();
    });

    test("recognizes HTTP/2's preface byte by byte", async () => {
      const { socket, received } = await raw();
      await byteByByte(socket, Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
      // The server acknowledges SETTINGS only if it has read the whole preface before them, and nothing twice.
      await byteByByte(socket, Uint8Array.of(0, 0, 0, 4, 0, 0, 0, 0, 0));
      await until(() => received().includes("\0\0\0\x04\x01\0\0\0\0"));
      // The first frame of the answer is SETTINGS.
      expect(received().charCodeAt(3)).toBe(4);
      socket.destroy();
    });

    test("answers several requests on one connection", async () => {
      const { socket, received } = await raw();
      for (const count of [1, 2, 3]) {
        socket.write("PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n");
        await until(() => received().split("PUT HTTP/1.1").length === count + 1);
      }
      socket.destroy();
    });

    test("closes an HTTP/1.1 connection whose exchange is reset once all of the request has been read", async () => {
      const { socket, received, closed } = await raw();
      socket.write("POST /reset HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nab");
      await until(() => received().includes("begun"));
      waiting.shift()?.();
      await until(closed);
    });

    test("survives garbage and resets", async () => {
      const garbage = await raw();
      garbage.socket.write(Buffer.from([0, 1, 2, 3, 255, 13, 10, 13, 10]));
      const reset = await raw();
      reset.socket.write("P");
      reset.socket.resetAndDestroy();
      for (const connection of [garbage, reset]) await until(connection.closed);
      expect(garbage.received()).toMatch(/^HTTP\/1.1 400 /);
      expect(await (await fetch(url)).text()).toBe("GET HTTP/1.1");
    });

    test("closes connections that do not show their protocol", async () => {
      await restart({ sniffTimeoutMs: 100 });
      const half = await raw();
      half.socket.write("PRI * HT");
      const silent = await raw();
      for (const connection of [half, silent]) await until(connection.closed);
      expect(turnedAway).toEqual(["timeout", "timeout"]);
    });

    test("keeps a connection that has shown its protocol", async () => {
      await restart({ sniffTimeoutMs: 100 });
      // On a busy machine, some do not send in time.
      const { socket, received, closed } = await until(async () => {
        const connection = await raw();
        connection.socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
        await until(() => connection.received() !== "" || connection.closed());
        if (connection.closed()) throw new Error("it came too late");
        return connection;
      });
      const session = await until(async () => {
        const session = connectHttp2(url).on("error", () => {});
        await http2Get(session, "/");
        return session;
      });
      // It connects after them, so its time ends after theirs would.
      await until((await raw()).closed);
      expect(closed()).toBe(false);
      socket.write("PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n");
      await until(() => received().includes("PUT HTTP/1.1"));
      expect(await http2Get(session, "/")).toBe("GET HTTP/2.0");
    });

    test.for([
      ["closes a connection whose HTTP/1.1 headers do not end", "GET / HTTP/1.1\r\nhost:", { headersTimeoutMs: 100 }],
      [
        "closes a connection whose HTTP/1.1 request does not end",
        "POST /waiting HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf",
        { headersTimeoutMs: 200, requestTimeoutMs: 200 },
      ],
    ] as const)("%s", async ([, sent, limits]) => {
      await restart(limits);
      const { socket, received, closed } = await raw();
      socket.write(sent);
      await until(closed);
      expect(received()).toMatch(/^HTTP\/1.1 408 /);
      expect(refusedFor).toEqual(["timeout"]);
    });

    test("tells HTTP/2 clients how many streams they may open, and how much they may send ahead", async () => {
      const session = connectHttp2(url);
      await once(session, "remoteSettings");
      const { maxConcurrentStreams, initialWindowSize } = session.remoteSettings;
      expect([maxConcurrentStreams, initialWindowSize]).toEqual([1_024, 512 * 1024]);
      await until(() => session.state.remoteWindowSize === 16 * 1024 * 1024);
      session.destroy();
    });

    test("in use is an error that names it", async () => {
      const taken = listen({ host: "127.0.0.1", port: listener.port, handler: () => {} });
      await expect(taken).rejects.toThrow(`cannot listen on 127.0.0.1:${listener.port}`);
    });
  });

  describe("closing", () => {
    test("streams that close with their connection are not retained", async () => {
      setFlagsFromString("--expose-gc");
      const gc: () => void = runInNewContext("gc");
      const headers = headerBlock({ ":method": "POST", ":scheme": "http", ":path": "/waiting", ":authority": "x" });
      const streams: WeakRef<object>[] = [];
      const onStart = (message: unknown) => streams.push(new WeakRef((message as { stream: object }).stream));
      for (const channel of streamStarts) subscribe(channel, onStart);
      try {
        for (let count = 1; count <= 5; count++) {
          const { socket } = await raw();
          socket.write(Buffer.concat([preface, frame("headers", flags.endHeaders, 1, headers)]));
          await until(() => waiting.length === count);
          socket.resetAndDestroy();
        }
        await until(() => listener.connections === 0);
        waiting.length = 0;
        await until(() => {
          gc();
          return streams.every((stream) => stream.deref() === undefined);
        });
        expect(streams).toHaveLength(5);
      } finally {
        for (const channel of streamStarts) unsubscribe(channel, onStart);
      }
    });

    test("a connection on which too many requests wait is closed for harm", async () => {
      const { socket, closed } = await raw();
      socket.write("GET /waiting HTTP/1.1\r\nhost: x\r\n\r\n".repeat(1_000));
      await until(closed);
      expect(refusedFor).toEqual(["pipelined"]);
      expect(turnedAway).toEqual(["harm"]);
      expect(waiting).toHaveLength(16);
    });

    test("lets calls under way end, over both protocols, and refuses new connections", async () => {
      const session = connectHttp2(url);
      const calls = [fetch(`${url}/waiting`).then((answer) => answer.text()), http2Get(session, "/waiting")];
      await until(() => waiting.length === 2);
      let ended = false;
      const closed = listener.close().then(() => {
        ended = true;
      });
      await until(refused);
      expect(ended).toBe(false);
      for (const answer of waiting) answer();
      expect(await Promise.all(calls)).toEqual(["GET HTTP/1.1", "GET HTTP/2.0"]);
      await closed;
    });

    test("sends an HTTP/1.1 answer to its end, however slowly it is read", async () => {
      const answer = await new Promise<IncomingMessage>((resolve) => get(`${url}/long`, resolve));
      const closed = listener.close();
      await until(refused);
      let bytes = 0;
      for await (const chunk of answer) bytes += chunk.length;
      expect(bytes).toBe(long.length);
      await closed;
    });

    test("answers the next request of an open HTTP/1.1 connection, and closes it", async () => {
      const open = await raw();
      open.socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
      await until(() => open.received().includes("GET HTTP/1.1"));
      expect(open.received()).not.toMatch(/connection: close/i);
      const underWay = fetch(`${url}/waiting`).then((answer) => answer.text());
      await until(() => waiting.length === 1);
      const closed = listener.close();
      open.socket.write("PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n");
      await until(open.closed);
      expect(open.received()).toMatch(/connection: close.*PUT HTTP\/1.1/is);
      for (const answer of waiting) answer();
      expect(await underWay).toBe("GET HTTP/1.1");
      await closed;
    });

    test("does not wait for clients that went away before their answers", async () => {
      const gone = await raw();
      gone.socket.write("GET /waiting HTTP/1.1\r\nhost: x\r\n\r\n".repeat(3));
      const idle = await raw();
      idle.socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
      await until(() => waiting.length === 3 && idle.received().includes("GET HTTP/1.1"));
      const closed = listener.close();
      gone.socket.resetAndDestroy();
      await closed;
    });

    test("does not wait for idle connections", async () => {
      const session = connectHttp2(url);
      await http2Get(session, "/");
      await (await fetch(url)).text();
      await raw();
      await listener.close();
    });

    test("destroying closes calls that never end, over both protocols", async () => {
      const session = connectHttp2(url);
      session.on("error", () => {});
      const underWay = session.request({ ":path": "/waiting" });
      let ended = false;
      underWay.on("error", () => {});
      underWay.on("close", () => {
        ended = true;
      });
      const answer = fetch(`${url}/waiting`).then(
        () => "answered",
        () => "failed",
      );
      await until(() => waiting.length === 2);
      const closed = listener.close();
      listener.destroy();
      expect(await answer).toBe("failed");
      await until(() => ended);
      await closed;
    });
  });
});
