/**
 * A store with a feature of a newer version: a server refuses to start, and one that runs serves nothing until it is gone. So does one
 * with indexes that a newer version has folded.
 */
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";

import { GetRegistryResponse_Index_State as State, UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { Health, HealthCheckResponse_ServingStatus as Status } from "#gen-server/health/v1/health_pb.js";
import { rollcall } from "../support/processes.ts";
import { failureOf } from "../support/rpc-errors.ts";
import { ada, startTestServer } from "../support/server.ts";
import {
  openStoredConfigurations,
  type StoredConfigurations,
  withUnknownFeature,
} from "../support/stored-configurations.ts";
import { untilIndexes } from "../support/switch-indexes.ts";
import { until } from "../support/until.ts";

const sentence = "the store has features that this version of Rollcall does not know (bits 30)";

const match = { property: "email", condition: { case: "present" as const, value: true } };

describe.each(["SQLite", "Redis", "Redis Cluster"] as const)("%s", (name) => {
  let stored: StoredConfigurations;
  beforeEach(async () => {
    stored = await openStoredConfigurations[name]();
  });
  afterEach(() => stored.close());

  const serverWithUser = async () => {
    const server = await startTestServer({ store: stored.url });
    const users = createClient(UserService, createGrpcTransport({ baseUrl: server.url }));
    await until(() => users.identify({ id: "u", properties: ada }).then(() => true));
    return { server, users };
  };
  const configured = async () => {
    const [form] = await stored.read();
    if (form === undefined) throw new Error("the store has no configuration");
    return form;
  };

  test("no server starts", async () => {
    const { server } = await serverWithUser();
    await server.stop();
    await stored.write(withUnknownFeature(await configured()));
    const serve = ["serve", "--listen", "127.0.0.1:0", "--store", stored.url];
    const alone = await rollcall(serve);
    expect(alone).toMatchObject({ status: 1, stdout: "", stderr: expect.stringContaining(sentence) });
    expect(alone.stderr).toContain(`cannot open --store ${stored.url}`);
    if (name === "SQLite") return;
    const workers = await rollcall([...serve, "--workers", "2"]);
    expect(workers).toMatchObject({ status: 1, stdout: "", stderr: expect.stringContaining(sentence) });
  });

  test("no server starts where a newer table has folded indexes, and the sentence says how to go on", async () => {
    const { server } = await serverWithUser();
    const index = ["indexes", "set", "email:fold", "--store", stored.url];
    expect(await rollcall(index)).toMatchObject({ status: 0 });
    await server.stop();
    const { stamp, configuration } = await configured();
    await stored.write({ stamp: `${stamp}.newer`, configuration: { ...configuration, folding: "100.0.0" } });
    const serve = ["serve", "--listen", "127.0.0.1:0", "--store", stored.url];
    const refused = await rollcall(serve);
    expect(refused).toMatchObject({ status: 1, stdout: "" });
    expect(refused.stderr).toContain("the store has indexes that are folded by Unicode 100.0.0");
    expect(refused.stderr).toContain(
      "stop all newer servers, run rollcall indexes drop email, and set the indexes again",
    );
    expect(refused.stderr).not.toContain("switched them on");

    expect(await rollcall(["indexes", "drop", "email", "--store", stored.url])).toMatchObject({ status: 0 });
    expect(await rollcall(index)).toMatchObject({ status: 0 });
    const again = await startTestServer({ store: stored.url });
    onTestFinished(() => again.stop());
    await untilIndexes("email:fold", State.READY, again.url);
    const users = createClient(UserService, createGrpcTransport({ baseUrl: again.url }));
    expect((await users.findUsers({ match })).users).toMatchObject([{ id: "u" }]);
  });

  test("a server that runs serves no call, says why, and serves again once the feature is gone", async () => {
    const { server, users } = await serverWithUser();
    onTestFinished(() => server.stop());
    const health = createClient(Health, createGrpcTransport({ baseUrl: server.url }));
    const healthIs = (status: Status) => until(async () => (await health.check({})).status === status);
    const before = await configured();
    await stored.write(withUnknownFeature(before));
    await healthIs(Status.NOT_SERVING);
    const calls = [
      users.getUser({ id: "u" }),
      users.batchGetUsers({ ids: ["u", "v"] }),
      users.listUsers({}),
      users.scanUsers({}),
      users.findUsers({ match }),
      users.countUsers({ match }),
      users.countUsers({}),
      users.identify({ id: "u", properties: { n: 1 } }),
      users.setPreferences({ id: "u", preferences: {} }),
      users.deleteUser({ id: "u" }),
      users.identifyUsers({ requests: [{ id: "u", properties: { n: 1 } }] }),
      users.getRegistry({}),
    ];
    for (const failure of await Promise.all(calls.map(failureOf))) {
      expect(failure).toMatchObject({ code: "Unavailable", reason: "STORE_UNAVAILABLE" });
    }
    const told = server.logs.filter(({ msg }) => msg === "the store is not available; trying again");
    expect(told).toEqual([expect.objectContaining({ reason: expect.stringContaining(sentence) })]);

    await stored.write({ ...before, stamp: `${before.stamp}.again` });
    await healthIs(Status.SERVING);
    expect((await users.getUser({ id: "u" })).user?.properties).toEqual(ada);
    await users.identify({ id: "u", properties: { n: 2 } });
  });
});
