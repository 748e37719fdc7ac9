/** Refusals that come of the state of the server or its store: one row for each. */
import { randomUUID } from "node:crypto";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { Redis } from "ioredis";
import { GetRegistryResponse_Index_State as State, UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { createKeys, partitionOf } from "../../../src/store/redis/keys.ts";
import { type RedisProcess, startRedis } from "../../support/redis.ts";
import { authorizationOf, scopedCredentials } from "../../support/scoped-callers.ts";
import { ada, startTestServer, type TestServer } from "../../support/server.ts";
import { changeIndexes, switchIndexes, untilIndexes } from "../../support/switch-indexes.ts";
import type { Refusal, Users } from "./calls.ts";

/** A server over Redis, and one that asks who calls. */
export interface World {
  readonly redis: RedisProcess;
  readonly admin: Redis;
  readonly server: TestServer;
  readonly guarded: TestServer;
  close(): Promise<void>;
}

export async function openWorld(): Promise<World> {
  const redis = await startRedis();
  const callers = scopedCredentials();
  // Nothing listens on the first port.
  const jwt = { jwtJwks: "http://127.0.0.1:1/keys", jwtIssuer: "i", jwtAudience: "a" };
  const server = await startTestServer({ store: redis.url });
  await switchIndexes(redis.url, "email:fold,plan", server.url);
  const guarded = await startTestServer({ access: { credentials: callers.file, ...jwt } });
  const admin = new Redis(redis.url);
  return {
    ...{ redis, admin, server, guarded },
    async close() {
      admin.disconnect();
      await Promise.all([server.stop(), guarded.stop()]);
      await redis.stop();
      callers.remove();
    },
  };
}

/** The server to call, if it is another than the world's, and how to undo what was done. */
interface Brought {
  readonly url?: string;
  undo(): unknown;
}

interface StateRefusal extends Refusal {
  /** @param ids of the users that each client has */
  readonly bring: (world: World, ids: readonly string[]) => Promise<Brought>;
  readonly call: (users: Users, id: string) => Promise<unknown>;
}

const pauseStore: StateRefusal["bring"] = async ({ redis }) => {
  redis.kill("SIGSTOP");
  return { undo: () => redis.kill("SIGCONT") };
};

const toGuarded: StateRefusal["bring"] = async ({ guarded }) => ({ url: guarded.url, undo() {} });
const deleteAs =
  (authorization?: string): StateRefusal["call"] =>
  (users) =>
    users.deleteUser({ id: "nobody" }, { headers: { ...(authorization !== undefined && { authorization }) } });
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
const claims = { iss: "i", aud: "a", sub: "s", exp: 2 ** 40 };
const unverifiable = [part({ alg: "ES256", kid: "k" }), part(claims), part("signature")].join(".");

/** Each protocol reads its own. */
const within100Ms = { headers: { "grpc-timeout": "100m", "connect-timeout-ms": "100" } };
const deadline = { reason: "DEADLINE_EXCEEDED", code: "DeadlineExceeded", bring: pauseStore } as const;
const message = "the deadline passed before the answer was there";
const again = { code: "Unavailable", retry: true } as const;
const unauthenticated = { reason: "CREDENTIALS_INVALID", code: "Unauthenticated", bring: toGuarded } as const;

/** A server whose store never finishes an index, because another server seems to do the background work. */
const toBuilding: StateRefusal["bring"] = async () => {
  const redis = await startRedis();
  const admin = new Redis(redis.url);
  const lead = () => admin.hset(createKeys("rollcall:").sweep(0), "lease", randomUUID());
  await lead();
  const leading = setInterval(lead, 1_000);
  const server = await startTestServer({ store: redis.url });
  const users = createClient(UserService, createGrpcTransport({ baseUrl: server.url }));
  for (const id of ["one", "another"]) await users.identify({ id, properties: ada });
  await changeIndexes(redis.url, "email:fold,plan");
  await untilIndexes("email:fold,plan", State.BUILDING, server.url);
  return {
    url: server.url,
    async undo() {
      clearInterval(leading);
      admin.disconnect();
      await server.stop();
      await redis.stop();
    },
  };
};
const notReady = {
  reason: "INDEX_NOT_READY",
  code: "FailedPrecondition",
  metadata: { users_done: "0", users_total: "2" },
  bring: toBuilding,
} as const;
const match = { property: "email", condition: { case: "startsWith" as const, value: "ada" } };

export const stateRefusals: readonly StateRefusal[] = [
  { ...notReady, call: (users) => users.findUsers({ match }) },
  { ...notReady, call: (users) => users.countUsers({ match }) },
  {
    ...{ reason: "USER_DAMAGED", code: "Internal", metadata: { part: "properties" } },
    async bring({ admin }, ids) {
      for (const id of ids) await admin.hset(createKeys("rollcall:").user(id), "properties", "no Struct");
      return { undo() {} };
    },
    call: (users, id) => users.getUser({ id }),
  },
  {
    ...{ reason: "INTERNAL", code: "Internal" },
    async bring({ admin }) {
      const listing = createKeys("rollcall:").ids(partitionOf("there"));
      await admin.rename(listing, "aside");
      await admin.set(listing, "no sorted set");
      return { undo: () => admin.rename("aside", listing) };
    },
    call: (users) => users.listUsers({}),
  },
  {
    ...{ reason: "STORE_FULL", code: "ResourceExhausted" },
    async bring({ admin }) {
      await admin.config("SET", "maxmemory", "1");
      return { undo: () => admin.config("SET", "maxmemory", "0") };
    },
    call: (users) => users.identify({ id: "full", properties: ada }),
  },
  {
    ...{ reason: "STORE_FULL", code: "ResourceExhausted" },
    async bring({ admin }) {
      await admin.config("SET", "maxmemory", "1");
      return { undo: () => admin.config("SET", "maxmemory", "0") };
    },
    call: (users) => users.identifyUsers({ requests: [{ id: "full", properties: ada }] }),
  },
  { ...deadline, message, call: (users) => users.getUser({ id: "there" }, within100Ms) },
  {
    ...{ ...deadline, message: `${message}; a write may have been applied` },
    call: (users) => users.identify({ id: "late", properties: ada }, within100Ms),
  },
  {
    ...{ ...deadline, message: `${message}; a write may have been applied` },
    call: (users) => users.identifyUsers({ requests: [{ id: "late", properties: ada }] }, within100Ms),
  },
  { ...again, reason: "STORE_UNAVAILABLE", bring: pauseStore, call: (users) => users.getUser({ id: "there" }) },
  { ...again, reason: "STORE_UNAVAILABLE", bring: pauseStore, call: (users) => users.findUsers({ match }) },
  { ...again, reason: "STORE_UNAVAILABLE", bring: pauseStore, call: (users) => users.countUsers({ match }) },
  { ...again, reason: "STORE_UNAVAILABLE", bring: pauseStore, call: (users) => users.countUsers({}) },
  { ...again, reason: "STORE_UNAVAILABLE", bring: pauseStore, call: (users) => users.scanUsers({}) },
  {
    ...{ ...again, reason: "STORE_UNAVAILABLE", bring: pauseStore },
    // Also the item that is invalid has no result: the call fails as a whole.
    call: (users) => users.identifyUsers({ requests: [{ id: "" }, { id: "away", properties: ada }] }),
  },
  {
    ...{ reason: "OVERLOADED", code: "ResourceExhausted", retry: true },
    async bring(world) {
      const small = await startTestServer({ store: world.redis.url, limits: { maxWaitingBytes: 1_000 } });
      const { undo } = await pauseStore(world, []);
      return { url: small.url, undo: () => Promise.all([undo(), small.stop()]) };
    },
    // One is under way, one waits, and one is too much.
    call: (users) => {
      const properties = { ...ada, text: "x".repeat(5_000) };
      return Promise.all([1, 2, 3].map((n) => users.identify({ id: `burst ${n}`, properties })));
    },
  },
  { ...unauthenticated, call: deleteAs() },
  { ...unauthenticated, call: deleteAs("Bearer unknown") },
  {
    ...{ reason: "SCOPE_MISSING", code: "PermissionDenied", metadata: { scope: "users.delete" } },
    ...{ bring: toGuarded, call: deleteAs(authorizationOf(["users.read"])) },
  },
  { ...again, reason: "CREDENTIALS_UNVERIFIABLE", bring: toGuarded, call: deleteAs(`Bearer ${unverifiable}`) },
];
