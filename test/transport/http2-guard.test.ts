import { once } from "node:events";
import { type ClientHttp2Session, connect as connectHttp2, constants } from "node:http2";
import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { parseTrustedProxies } from "../../src/config/trusted-proxies.ts";
import type { ConnectionLimits } from "../../src/transport/http-server.ts";
import { type Listener, listen } from "../../src/transport/listener.ts";
import { answerWith } from "../support/exchanges.ts";
import { watchServerStreams } from "../support/grpc-streams.ts";
import { flags, frame, headerBlock, preface } from "../support/http2-frames.ts";
import { ResettingCaller } from "../support/resetting-caller.ts";
import { until } from "../support/until.ts";

const long = Buffer.alloc(1024 * 1024, "x");
const stops: (() => void)[] = [];
/** Why connections were ended. */
let turnedAway: string[];
/** Calls that have reached the handler. */
let begun: number;
/** Answers that wait to be let go. */
const later: (() => void)[] = [];
let listener: Listener;
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
  listener.destroy();
});

async function open(limits: Partial<ConnectionLimits>, trusted = ""): Promise<void> {
  turnedAway = [];
  begun = 0;
  listener = await listen({
    host: "127.0.0.1",
    port: 0,
    limits,
    trustedProxies: parseTrustedProxies(trusted),
    onTurnedAway: (reason) => turnedAway.push(reason),
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

/** A connection made by hand, past its preface. */
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

describe("a connection", () => {
  test("is closed when its other end does not answer a ping", async () => {
    await open({ pingIntervalMs: 30 });
    const socket = await rawConnection();
    await until(() => socket.destroyed);
    expect(turnedAway).toEqual(["timeout"]);
  });

  test("is kept when its other end answers them", async () => {
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

  test("is ended when it floods the server with pings, and others are served", async () => {
    await open({});
    const socket = await rawConnection();
    socket.write(Buffer.concat(Array.from({ length: 5_000 }, () => frame("ping", 0, 0, Buffer.alloc(8)))));
    await until(() => socket.destroyed);
    expect(await get(session())).toBe("done");
  });

  /** A GOAWAY whose last stream is one of the client's own, which only the server could say. */
  const goodbye = frame("goAway", 0, 0, Buffer.from([0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]));

  test("is no harm that says goodbye as grpc-go does, once it has been answered", async () => {
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

  test("is harm where it is answered nothing, and does not keep to HTTP/2", async () => {
    await open({});
    const socket = await rawConnection();
    socket.write(goodbye);
    await until(() => socket.destroyed);
    expect(turnedAway).toEqual(["harm"]);
  });

  test("is closed at once beyond the most that there may be", async () => {
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

describe("a caller who resets calls", () => {
  test.each([
    ["who hedges, and cancels the slower half", { answered: 20, reset: 20 }],
    ["whose calls are mostly late", { answered: 5, reset: 15 }],
    ["who hedges five times over", { answered: 4, reset: 16 }],
  ])("%s goes on for thousands of calls", async (_, batch) => {
    await open({});
    const caller = await resettingCaller();
    for (let calls = 0; calls < 2_000; calls += batch.answered + batch.reset) await caller.call(batch);
    expect(caller.socket.closed).toBe(false);
    expect(turnedAway).toEqual([]);
  });

  test("may give up all that it has under way, once some calls have been answered", async () => {
    await open({});
    const client = session();
    await Promise.all(Array.from({ length: 250 }, () => get(client)));
    const streams = Array.from({ length: 1_000 }, () => client.request({ ":path": "/later" }));
    await until(() => begun === 250 + streams.length);
    for (const stream of streams) stream.on("error", () => {}).close(constants.NGHTTP2_CANCEL);
    expect(await get(client)).toBe("done");
    expect(turnedAway).toEqual([]);
  });

  test("is ended where it waits for no answers", async () => {
    await open({});
    const caller = await resettingCaller();
    await caller.call({ answered: 0, reset: 5_000 });
    await until(() => caller.socket.closed);
    expect(turnedAway).toEqual(["harm"]);
    expect(begun).toBeLessThan(200);
  });

  test("is ended where it takes an answer now and then", async () => {
    await open({});
    const caller = await resettingCaller();
    while (!caller.socket.closed && begun < 5_000) await caller.call({ answered: 1, reset: 8 });
    expect(turnedAway).toEqual(["resets"]);
    expect(begun).toBeLessThan(1_000);
  });
});

/** As many connections as make others from their address wait for longer than any may. */
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

/** What becomes of more connections than may wait at one time, none of which is served unless all are. */
async function newcomersFrom(address: string): Promise<"served" | "turned away"> {
  const callers = await Promise.all(Array.from({ length: 5 }, () => resettingCaller(address)));
  const served = Promise.all(callers.map((caller) => caller.call({ answered: 1, reset: 0 })));
  const turned = until(() => turnedAway.includes("penalty")).then(() => "turned away" as const);
  return Promise.race([served.then(() => "served" as const), turned]);
}

describe("new connections from an address", () => {
  const flood = { answered: 0, reset: 200 };

  test("wait where harm has come from, and others do not", async () => {
    await open({});
    await harmFrom("127.0.0.66", flood);
    expect(turnedAway).toEqual(Array(offenders).fill("harm"));
    expect(await newcomersFrom("127.0.0.66")).toBe("turned away");
    turnedAway = [];
    expect(await newcomersFrom("127.0.0.67")).toBe("served");
    expect(turnedAway).toEqual([]);
  });

  test("do not wait where the address is a trusted proxy's", async () => {
    await open({}, "192.0.2.7, 127.0.0.64/29");
    await harmFrom("127.0.0.66", flood);
    expect(await newcomersFrom("127.0.0.66")).toBe("served");
  });

  test("do not wait where too many calls were reset, and a few answered", async () => {
    await open({});
    await harmFrom("127.0.0.66", { answered: 1, reset: 9 });
    expect(turnedAway).toEqual(Array(offenders).fill("resets"));
    expect(await newcomersFrom("127.0.0.66")).toBe("served");
  });

  test("do not wait where others at the address are answered", async () => {
    await open({});
    const neighbour = await resettingCaller("127.0.0.66");
    await harmFrom("127.0.0.66", flood);
    for (let hundreds = 0; hundreds < 9; hundreds++) await neighbour.call({ answered: 100, reset: 0 });
    expect(await newcomersFrom("127.0.0.66")).toBe("served");
  });
});

test("a connection that has reached its age is told to go away, and what is under way goes on", async () => {
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
  test("is reset when its request does not go on", async () => {
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

  test("is left alone while its request waits for an answer", async () => {
    await open({ stallTimeoutMs: 50 });
    const watch = watchServerStreams();
    stops.push(watch.stop);
    const stream = session().request({ ":path": "/later" });
    const ended = stream.setEncoding("utf8").toArray();
    await until(() => later.length === 1);
    const [served] = watch.streams;
    await once(served ?? expect.fail("no stream"), "timeout");
    for (const answer of later.splice(0)) answer();
    expect((await ended).join("")).toBe("done");
  });

  test("is refused when its headers are larger than they may be, also before the limit has been acknowledged", async () => {
    await open({});
    const client = session();
    const headers = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`x-${at}`, "x".repeat(130)]));
    // It is on its way before the server's settings have come.
    const [first] = await once(client.request({ ":path": "/", ...headers }), "response");
    expect(first[":status"]).toBe(431);
    const later = client.request({ ":path": "/", ...headers });
    await expect(once(later, "response")).rejects.toThrow("NGHTTP2_ENHANCE_YOUR_CALM");
    expect(await get(client)).toBe("done");
  });

  test("is left alone while it is slow and something moves", async () => {
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
