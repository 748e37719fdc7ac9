/** When a connection counts as alive: with a clock that the test turns, and on a raw socket. */
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { type Liveness, watchLiveness } from "../../src/http2/liveness.ts";
import { flags, frame, headerBlock } from "../support/http2-frames.ts";
import { RawHttp2Client } from "../support/http2-raw-client.ts";
import { startOwn } from "./own-server.ts";

const interval = 1_000;
const never = Number.POSITIVE_INFINITY;

describe("a connection", () => {
  const connection = {
    streams: { begun: 0 },
    heardAt: Number.NEGATIVE_INFINITY,
    pings: [] as Buffer[],
    closed: [] as string[],
    timeouts: 0,
    ping(payload: Buffer) {
      this.pings.push(payload);
      return true;
    },
    close(reason: string) {
      this.closed.push(reason);
    },
    onPingTimeout() {
      this.timeouts++;
      liveness.stop();
    },
  };
  let liveness: Liveness;
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "setTimeout", "clearTimeout", "performance"] });
    connection.streams.begun = 0;
    connection.heardAt = Number.NEGATIVE_INFINITY;
    connection.pings = [];
    connection.closed = [];
    connection.timeouts = 0;
  });
  afterEach(() => {
    liveness.stop();
    vi.useRealTimers();
  });

  function watch({ idleTimeoutMs = never, maxConnectionAgeMs = never } = {}): void {
    liveness = watchLiveness(connection, { pingIntervalMs: interval, idleTimeoutMs, maxConnectionAgeMs });
  }

  /** The client sends something in the middle of each interval. */
  function goOn(intervals: number, sends: boolean): void {
    for (let at = 0; at < intervals; at++) {
      vi.advanceTimersByTime(interval / 2);
      if (sends) connection.heardAt = performance.now();
      vi.advanceTimersByTime(interval / 2);
    }
  }
  const answer = () => liveness.onPong(connection.pings.at(-1) ?? Buffer.alloc(8));

  test("gets a PING in each interval while it answers them", () => {
    watch();
    for (let pings = 1; pings <= 5; pings++) {
      goOn(1, false);
      expect(connection.pings).toHaveLength(pings);
      expect(answer()).toBe(true);
      expect(answer()).toBe(false);
    }
    expect(connection.timeouts).toBe(0);
  });

  test("ends when its client is silent for an interval after a PING", () => {
    watch();
    connection.heardAt = performance.now();
    goOn(1, true);
    expect(connection.pings).toHaveLength(1);
    goOn(1, false);
    expect(connection.timeouts).toBe(1);
  });

  test("does not end when its client goes on sending and answers within three intervals", () => {
    watch();
    goOn(3, true);
    expect(connection.pings).toHaveLength(1);
    expect(answer()).toBe(true);
    goOn(3, true);
    expect(connection.pings).toHaveLength(2);
    expect(answer()).toBe(true);
    expect(connection.timeouts).toBe(0);
  });

  test("ends when its client goes on sending and has not answered after three intervals", () => {
    watch();
    goOn(3, true);
    expect(liveness.onPong(Buffer.alloc(8))).toBe(false);
    expect(connection.timeouts).toBe(0);
    goOn(1, true);
    expect(connection.timeouts).toBe(1);
  });

  test("ends when its client falls silent before it has answered", () => {
    watch();
    goOn(2, true);
    expect(connection.timeouts).toBe(0);
    goOn(1, false);
    expect(connection.timeouts).toBe(1);
  });

  test("is told to go away when no stream has begun for long, whatever its client sends", () => {
    watch({ idleTimeoutMs: 2 * interval });
    goOn(1, true);
    connection.streams.begun++;
    answer();
    goOn(2, true);
    answer();
    expect(connection.closed).toEqual([]);
    goOn(1, true);
    expect(connection.closed).toEqual(["idle"]);
  });

  test("is told to go away at about its maximum age", () => {
    watch({ maxConnectionAgeMs: 10 * interval });
    for (let at = 0; at < 8; at++) {
      goOn(1, false);
      answer();
    }
    expect(connection.closed).toEqual([]);
    for (let at = 0; at < 4; at++) {
      goOn(1, false);
      answer();
    }
    expect(connection.closed).toEqual(["age"]);
  });
});

test("a client on a socket that sends a long request and answers no PING is closed later than a silent one", async () => {
  const pingIntervalMs = 100;
  const server = await startOwn({ pingIntervalMs });
  onTestFinished(() => server.listener.destroy());
  const [silent, sending] = await Promise.all([1, 2].map(() => RawHttp2Client.connect(server.listener.port)));
  if (silent === undefined || sending === undefined) throw new Error("there are two");
  onTestFinished(() => void [silent, sending].map(({ socket }) => socket.destroy()));
  const headers = { ":method": "POST", ":scheme": "http", ":path": "/", ":authority": "localhost" };
  sending.send(frame("headers", flags.endHeaders, 1, headerBlock(headers)));
  const sends = setInterval(() => sending.send(frame("data", 0, 1, Buffer.from("x"))), 10);
  onTestFinished(() => clearInterval(sends));
  const closedAt = (client: RawHttp2Client) =>
    new Promise<number>((resolve) => client.socket.once("end", () => resolve(performance.now())));
  const [first, second] = await Promise.all([closedAt(silent), closedAt(sending)]);
  expect(second - first).toBeGreaterThan(pingIntervalMs);
  expect(sending.framesOf("ping")).toHaveLength(1);
  expect(server.turnedAway).toEqual(["timeout", "timeout"]);
});
