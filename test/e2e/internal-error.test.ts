/** What is wrong inside is in the log, without anybody's properties, and not in the answer. */
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { createKeys, partitionOf } from "../../src/store/redis/keys.ts";
import { type RedisProcess, startRedis } from "../support/redis.ts";
import { failureOf } from "../support/rpc-errors.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

let redis: RedisProcess;
let server: TestServer;
beforeAll(async () => {
  redis = await startRedis();
  server = await startTestServer({ store: redis.url });
});
afterAll(async () => {
  await server.stop();
  await redis.stop();
});

test("a listing of another type is INTERNAL, and the log holds neither the command nor its properties", async () => {
  const direct = new Redis(redis.url);
  await direct.set(createKeys("rollcall:").ids(partitionOf("broken")), "no sorted set");
  direct.disconnect();
  const users = createClient(UserService, createGrpcTransport({ baseUrl: server.url }));
  const properties = { name: "Grace Hopper", email: "grace@example.com" };
  expect(await failureOf(users.identify({ id: "broken", properties }))).toMatchObject({
    code: "Internal",
    reason: "INTERNAL",
    message: "the server failed; its log says why",
    retry: false,
  });
  const errors = server.logs.filter(({ level }) => Number(level) >= 50);
  expect(errors).toMatchObject([{ failure: "ReplyError", reason: expect.stringContaining("WRONGTYPE") }]);
  const log = JSON.stringify(server.logs);
  for (const content of [
    "Grace",
    "grace@example.com",
    Buffer.from("Grace").toString("base64").slice(0, 6),
    "71,114,97",
  ]) {
    expect(log).not.toContain(content);
  }
});
