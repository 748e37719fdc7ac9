import { getEventListeners } from "node:events";
import { type Client, Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { beforeEach, describe, expect, test } from "vitest";
import {
  Health as HealthService,
  HealthCheckResponse_ServingStatus as Status,
} from "#gen-server/health/v1/health_pb.js";
import { Health, healthRoutes } from "../../src/rpc/services/health.ts";

const service = "rollcall.v1.UserService";

let health: Health;
let stop: AbortController;
let client: Client<typeof HealthService>;
beforeEach(() => {
  health = new Health();
  stop = new AbortController();
  client = createClient(HealthService, createRouterTransport(healthRoutes(health, [service], stop.signal)));
});

function watch(name: string, signal?: AbortSignal) {
  const answers = client.watch({ service: name }, signal === undefined ? {} : { signal })[Symbol.asyncIterator]();
  return { status: async () => (await answers.next()).value?.status };
}

describe("Check", () => {
  test.each(["", service])("of %j tells whether the server serves, which it first does not", async (name) => {
    expect((await client.check({ service: name })).status).toBe(Status.NOT_SERVING);
    health.setServing(true);
    expect((await client.check({ service: name })).status).toBe(Status.SERVING);
    health.setServing(false);
    expect((await client.check({ service: name })).status).toBe(Status.NOT_SERVING);
  });

  test.each(["rollcall.v1", "__proto__"])("of the unknown service %j is NOT_FOUND", async (name) => {
    await expect(client.check({ service: name })).rejects.toMatchObject({ code: Code.NotFound });
  });
});

test("List tells the status of the server and of every service", async () => {
  health.setServing(true);
  expect((await client.list({})).statuses).toMatchObject({
    "": { status: Status.SERVING },
    [service]: { status: Status.SERVING },
  });
});

describe("Watch", () => {
  test.each(["", service])("of %j tells the status at once, and then each change", async (name) => {
    const { status } = watch(name);
    expect(await status()).toBe(Status.NOT_SERVING);
    for (const serving of [true, false, true]) {
      const next = status();
      health.setServing(serving);
      expect(await next).toBe(serving ? Status.SERVING : Status.NOT_SERVING);
    }
  });

  test("tells of a change while the client was not reading", async () => {
    const { status } = watch("");
    expect(await status()).toBe(Status.NOT_SERVING);
    health.setServing(true);
    expect(await status()).toBe(Status.SERVING);
  });

  test("says nothing while the status stays the same", async () => {
    const { status } = watch("");
    expect(await status()).toBe(Status.NOT_SERVING);
    health.setServing(true);
    health.setServing(false);
    const next = status();
    health.setServing(false);
    health.setServing(true);
    expect(await next).toBe(Status.SERVING);
  });

  test("of an unknown service says so, and stays until the server stops", async () => {
    const { status } = watch("unknown");
    expect(await status()).toBe(Status.SERVICE_UNKNOWN);
    const next = status();
    health.setServing(true);
    stop.abort(new ConnectError("stopping", Code.Unavailable));
    await expect(next).rejects.toMatchObject({ code: Code.Unavailable });
  });

  test.each(["", service])("of %j ends with the server's reason when the server stops", async (name) => {
    const { status } = watch(name);
    await status();
    const next = status();
    stop.abort(new ConnectError("stopping", Code.Unavailable));
    await expect(next).rejects.toMatchObject({ code: Code.Unavailable, rawMessage: "stopping" });
  });

  test("ends when its client goes away", async () => {
    const leaving = new AbortController();
    const { status } = watch("", leaving.signal);
    await status();
    const next = status();
    leaving.abort();
    await expect(next).rejects.toMatchObject({ code: Code.Canceled });
  });
});

describe("waiting for a change", () => {
  test("ends with the change, and leaves nothing on the signal", async () => {
    const { signal } = stop;
    for (const serving of [true, false, true]) {
      const changed = health.changed(signal);
      expect(getEventListeners(signal, "abort")).toHaveLength(1);
      health.setServing(serving);
      await changed;
      expect(getEventListeners(signal, "abort")).toHaveLength(0);
    }
  });

  test("ends when the signal aborts, or at once if it has", async () => {
    const changed = health.changed(stop.signal);
    stop.abort();
    await changed;
    await health.changed(stop.signal);
    expect(getEventListeners(stop.signal, "abort")).toHaveLength(0);
  });
});
