import { once } from "node:events";
import { type ClientHttp2Session, connect as connectHttp2, constants } from "node:http2";
import { connect, type Socket } from "node:net";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { parseTrustedProxies } from "../../src/config/trusted-proxies.ts";
import type { ConnectionLimits } from "../../src/transport/http-server.ts";
import { type Listener, listen } from "../../src/transport/listener.ts";
import { answerWith } from "../support/exchanges.ts";
import { flags, frame, headerBlock, preface } from "../support/http2-frames.ts";
import { ResettingCaller } from "../support/resetting-caller.ts";
import { until } from "../support/until.ts";

const long = Buffer.alloc(1024 * 1024, "x");
const stops: (() => void)[] = [];
/** Why connections were closed. */
let turnedAway: string[];
/** Calls that have reached the handler. */
let begun: number;
/** Answers that wait for the test to send them. */
const later: (() => void)[] = [];
/** Which HTTP/2 serves. */
let http2: "own" | "node";
let listener: Listener;
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
  listener.destroy();
});

async function open(limits: Partial<ConnectionLimits>, trusted = ""): Promise<void> {
  // That of the test before may still get some.
  const reasons: string[] = [];
  turnedAway = reasons;
  begun = 0;
  listener = await listen({
    http2,
    host: "127.0.0.1",
    port: 0,
    limits,
    trustedProxies: parseTrustedProxies(trusted),
    onTurnedAway: (reason) => reasons.push(reason),
    handler: (exchange) => {
      begun++;
      if (limits.stallTimeoutMs !== undefined) exchange.resetWhenStalled(limits.stallTimeoutMs, () => {});
      const done = () => answerWith(exchange, "done");
      if (exchange.path === "/long") answerWith(exchange, long);
      else if (exchange.path === "/later") later.push(done);
      exchange.receive(
        () => {},
        () => exchange.path === "/" && done(),
      );
    },
  });
}

/** A raw connection that has sent its preface. */
async function rawConnection(): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port: listener.port });
  stops.push(() => socket.destroy());
  socket.on("error", () => {}).resume();
  await once(socket, "connect");
  socket.write(preface);
  return socket;
}

function session(): ClientHttp2Session {
  const opened = connectHttp2(`http://127.0.0.1:${listener.port}`);
  opened.on("error", () => {});
  stops.push(() => opened.destroy());
  return opened;
}

async function get(client: ClientHttp2Session): Promise<string> {
  const stream = client.request({ ":path": "/" });
  return (await stream.setEncoding("utf8").toArray()).join("");
}

describe.each(["own", "node"] as const)("with HTTP/2 of %s", (layer) => {
  beforeAll(() => {
    http2 = layer;
  });

  describe("a connection", () => {
    test("is closed when its client does not answer a ping", async () => {
      await open({ pingIntervalMs: 30 });
      const socket = await rawConnection();
      await until(() => socket.destroyed);
      expect(turnedAway).toEqual(["timeout"]);
    });

    test("is kept when its client answers pings", async () => {
      await open({ pingIntervalMs: 100 });
      const client = session();
      let pings = 0;
      client.on("ping", () => pings++);
      await until(() => pings > 3);
      expect(await get(client)).toBe("done");
    });

    test("is told to go away when it has had no stream for long", async () => {
      await open({ pingIntervalMs: 20, idleTimeoutMs: 60 });
      const client = session();
      expect(await get(client)).toBe("done");
      const [code] = await once(client, "goaway");
      expect(code).toBe(constants.NGHTTP2_NO_ERROR);
    });

    test("is closed when its client floods the server with pings, and others are served", async () => {
      await open({});
      const socket = await rawConnection();
      socket.write(Buffer.concat(Array.from({ length: 5_000 }, () => frame("ping", 0, 0, Buffer.alloc(8)))));
      await until(() => socket.destroyed);
      expect(await get(session())).toBe("done");
    });

    /** A GOAWAY whose last stream is a client's, which only a server can send. */
    const goodbye = frame("goAway", 0, 0, Buffer.from([0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]));

    test("does no harm by saying goodbye as grpc-go does, after an answer", async () => {
      await open({});
      const socket = await rawConnection();
      let received = "";
      socket.setEncoding("latin1").on("data", (piece: string) => {
        received += piece;
      });
      const headers = headerBlock({ ":method": "GET", ":scheme": "http", ":path": "/", ":authority": "localhost" });
      socket.write(frame("headers", flags.endHeaders | flags.endStream, 1, headers));
      await until(() => received.includes("done"));
      socket.write(goodbye);
      await until(() => socket.destroyed);
      expect(turnedAway).toEqual([]);
    });

    test("does harm by breaking HTTP/2 before any answer", async () => {
      await open({});
      const socket = await rawConnection();
      // A client may not push.
      socket.write(frame("pushPromise", flags.endHeaders, 1, Buffer.of(0, 0, 0, 2)));
      await until(() => socket.destroyed);
      expect(turnedAway).toEqual(["harm"]);
    });

    test("is closed at once beyond the limit", async () => {
      await open({ maxConnections: 2 });
      const kept = [session(), session()];
      for (const client of kept) expect(await get(client)).toBe("done");
      const more = connect({ host: "127.0.0.1", port: listener.port }).on("error", () => {});
      stops.push(() => more.destroy());
      more.resume();
      await once(more, "close");
      expect(turnedAway).toEqual(["limit"]);
      for (const client of kept) expect(await get(client)).toBe("done");
    });
  });

  /** @param localAddress from where it calls */
  async function resettingCaller(localAddress?: string): Promise<ResettingCaller> {
    const caller = await ResettingCaller.connect(listener.port, { localAddress });
    stops.push(() => caller.socket.destroy());
    return caller;
  }

  describe("a client that resets calls", () => {
    test.each([
      ["that hedges, and cancels the slower half", { answered: 20, reset: 20 }],
      ["whose calls are mostly late", { answered: 5, reset: 15 }],
      ["that hedges five times over", { answered: 4, reset: 16 }],
    ])("%s goes on for thousands of calls", async (_, batch) => {
      await open({});
      const caller = await resettingCaller();
      for (let calls = 0; calls < 2_000; calls += batch.answered + batch.reset) await caller.call(batch);
      expect(caller.socket.closed).toBe(false);
      expect(turnedAway).toEqual([]);
    });

    test("may reset all calls under way, after some answers", async () => {
      await open({});
      const client = session();
      await Promise.all(Array.from({ length: 250 }, () => get(client)));
      const streams = Array.from({ length: 1_000 }, () => client.request({ ":path": "/later" }));
      await until(() => begun === 250 + streams.length);
      for (const stream of streams) stream.on("error", () => {}).close(constants.NGHTTP2_CANCEL);
      expect(await get(client)).toBe("done");
      expect(turnedAway).toEqual([]);
    });

    test("is closed if it waits for no answers", async () => {
      await open({});
      const caller = await resettingCaller();
      await caller.call({ answered: 0, reset: 5_000 });
      await until(() => caller.socket.closed);
      expect(turnedAway).toEqual(["harm"]);
      expect(begun).toBeLessThan(200);
    });

    test("is closed if it takes an answer only now and then", async () => {
      await open({});
      const caller = await resettingCaller();
      while (!caller.socket.closed && begun < 5_000) await caller.call({ answered: 1, reset: 8 });
      expect(turnedAway).toEqual(["resets"]);
      expect(begun).toBeLessThan(1_000);
    });
  });

  /** So many harmful connections that new ones from their address would wait for too long. */
  const offenders = 12;

  async function harmFrom(address: string, batch: { answered: number; reset: number }): Promise<void> {
    const callers = await Promise.all(Array.from({ length: offenders }, () => resettingCaller(address)));
    await Promise.all(
      callers.map(async (caller) => {
        while (!caller.socket.closed) await caller.call(batch);
      }),
    );
    await until(() => turnedAway.length === offenders);
  }

  /** Opens more connections than may wait at one time. They count as served only if all are. */
  async function newcomersFrom(address: string): Promise<"served" | "turned away"> {
    const callers = await Promise.all(Array.from({ length: 5 }, () => resettingCaller(address)));
    const served = Promise.all(callers.map((caller) => caller.call({ answered: 1, reset: 0 })));
    const turned = until(() => turnedAway.includes("penalty")).then(() => "turned away" as const);
    return Promise.race([served.then(() => "served" as const), turned]);
  }

  describe("new connections from an address", () => {
    const flood = { answered: 0, reset: 200 };

    test("wait after harm from there, and others do not", async () => {
      await open({});
      await harmFrom("127.0.0.66", flood);
      expect(await newcomersFrom("127.0.0.67")).toBe("served");
      expect(turnedAway).toEqual(Array(offenders).fill("harm"));
      expect(await newcomersFrom("127.0.0.66")).toBe("turned away");
    });

    test("do not wait if the address is a trusted proxy's", async () => {
      await open({}, "192.0.2.7, 127.0.0.64/29");
      await harmFrom("127.0.0.66", flood);
      expect(await newcomersFrom("127.0.0.66")).toBe("served");
    });

    test("do not wait after too many resets with a few answers", async () => {
      await open({});
      await harmFrom("127.0.0.66", { answered: 1, reset: 9 });
      expect(turnedAway).toEqual(Array(offenders).fill("resets"));
      expect(await newcomersFrom("127.0.0.66")).toBe("served");
    });

    test("do not wait if others at the address are answered", async () => {
      await open({});
      const neighbour = await resettingCaller("127.0.0.66");
      await harmFrom("127.0.0.66", flood);
      for (let hundreds = 0; hundreds < 9; hundreds++) await neighbour.call({ answered: 100, reset: 0 });
      expect(await newcomersFrom("127.0.0.66")).toBe("served");
    });
  });

  test("a connection at its maximum age is told to go away, and its calls go on", async () => {
    await open({ maxConnectionAgeMs: 100 });
    const client = session();
    const stream = client.request({ ":path": "/later" });
    const ended = stream.setEncoding("utf8").toArray();
    await once(client, "goaway");
    for (const answer of later.splice(0)) answer();
    expect((await ended).join("")).toBe("done");
    await until(() => client.destroyed);
    expect(await get(session())).toBe("done");
  });

  describe("a stream", () => {
    test("is reset when its request stalls", async () => {
      await open({ stallTimeoutMs: 50 });
      const stream = session().request({ ":method": "POST" }, { endStream: false });
      stream.on("error", () => {});
      await once(stream, "close");
      expect(stream.rstCode).toBe(constants.NGHTTP2_CANCEL);
    });

    test("is reset when its answer is not read", async () => {
      await open({ stallTimeoutMs: 50 });
      const client = session();
      const stream = client.request({ ":path": "/long" });
      stream.on("error", () => {});
      await once(stream, "close");
      expect(stream.rstCode).toBe(constants.NGHTTP2_CANCEL);
      expect(await get(client)).toBe("done");
    });

    test("is kept while its request waits for an answer", async () => {
      await open({ stallTimeoutMs: 50 });
      const client = session();
      const ended = client.request({ ":path": "/later" }).setEncoding("utf8").toArray();
      await until(() => later.length === 1);
      const stalled = client.request({ ":method": "POST" }, { endStream: false }).on("error", () => {});
      await new Promise((resolve) => stalled.on("close", resolve));
      expect(stalled.rstCode).toBe(constants.NGHTTP2_CANCEL);
      for (const answer of later.splice(0)) answer();
      expect((await ended).join("")).toBe("done");
    });

    test("is refused when its headers are too large, also before the client has acknowledged the limit", async () => {
      await open({});
      const client = session();
      const headers = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`x-${at}`, "x".repeat(130)]));
      // The request is sent before the server's settings arrive.
      const [first] = await once(client.request({ ":path": "/", ...headers }), "response");
      expect(first[":status"]).toBe(431);
      const later = client.request({ ":path": "/", ...headers });
      // Node resets a request that is larger than what its client has acknowledged.
      if (layer === "node") await expect(once(later, "response")).rejects.toThrow("NGHTTP2_ENHANCE_YOUR_CALM");
      else expect((await once(later, "response"))[0][":status"]).toBe(431);
      expect(await get(client)).toBe("done");
    });

    test("is kept while it is slow but moves", async () => {
      await open({ stallTimeoutMs: 400 });
      const stream = session().request({ ":method": "POST" }, { endStream: false });
      const ended = stream.setEncoding("utf8").toArray();
      for (let at = 0; at < 8; at++) {
        stream.write("x");
        await new Promise((resolve) => setTimeout(resolve, 60));
      }
      stream.end();
      expect((await ended).join("")).toBe("done");
    });
  });
});
