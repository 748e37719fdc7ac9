/** Answers count against the memory budget before they are built. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  BatchIdentifyRequestSchema as Contract,
  type IdentifyRequestSchema,
} from "#gen/rollcall/v1/user_service_pb.js";
import { BatchIdentifyRequestSchema } from "#gen-server/rollcall/server/v1/wire_pb.js";
import { defaultServerLimits as limits } from "../../src/config/server-limits.ts";
import { anybody } from "../../src/credentials/principal.ts";
import type { CallContext } from "../../src/rpc/call/call-context.ts";
import { createDisclosure } from "../../src/rpc/disclosure.ts";
import { Semaphore } from "../../src/rpc/guard/semaphore.ts";
import { Turns } from "../../src/rpc/guard/turns.ts";
import { createUserHandlers, type UserHandlers } from "../../src/rpc/user-handlers.ts";
import { coalesce } from "../../src/store/lanes/coalescing-store.ts";
import { openSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { createEtagSource } from "../../src/users/etag.ts";
import { requiredProperties } from "../../src/users/identify.ts";
import type { Index } from "../../src/users/indexes/indexed-property.ts";
import { createUserRegistry } from "../../src/users/registry.ts";
import type { UserStore } from "../../src/users/store.ts";
import { canonical } from "../support/struct.ts";
import { until } from "../support/until.ts";

function handlersOver(over: UserStore): UserHandlers {
  return createUserHandlers({
    registry: createUserRegistry({ store: over, required: requiredProperties([]), drawEtag: createEtagSource() }),
    version: "0.0.0-test",
    disclosure: createDisclosure("applied"),
    batchWork,
    reads,
    turns: new Turns(),
  });
}

const directory = mkdtempSync(join(tmpdir(), "rollcall-handlers-"));
let store: UserStore;
let handlers: UserHandlers;
const reads = new Semaphore(limits.maxReadBytes);
const batchWork = new Semaphore(limits.maxBatchWorkBytes);
beforeAll(async () => {
  store = coalesce(await openSqliteStore(join(directory, "users.db")), limits.maxWaitingBytes);
  handlers = handlersOver(store);
});
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true });
});

/** A call, and the bytes that it holds. */
function call() {
  const holds: number[] = [];
  const context: CallContext = {
    signal: new AbortController().signal,
    principal: anybody,
    encoding: "binary",
    hold: (bytes) => holds.push(bytes),
  };
  return { context, holds, total: () => holds.reduce((sum, bytes) => sum + bytes, 0) };
}

/** A message of one item a thousand times, all of which are to be listed. */
function batchOf(item: MessageInitShape<typeof IdentifyRequestSchema>) {
  const init: MessageInitShape<typeof Contract> = { requests: Array.from({ length: 1_000 }, () => item), report: 2 };
  const bytes = toBinary(Contract, create(Contract, init));
  const { requests, report } = fromBinary(BatchIdentifyRequestSchema, bytes);
  return { requests, report, messageBytes: bytes.length };
}

const idOf = (id: string) => Buffer.from(id);
const large = canonical({ text: "x".repeat(60_000) });
const identify = (id: string, context = call().context) =>
  handlers.identify(
    {
      id: idOf(id),
      properties: [large],
      setOnce: [],
      unset: [],
      precondition: undefined,
      observedAt: undefined,
      validateOnly: false,
    },
    context,
  );

test("users that are read count before their answer is there", async () => {
  const ids = Array.from({ length: 40 }, (_, at) => `u${at}`);
  for (const id of ids) await identify(id);
  const { context, total } = call();
  const { users } = await handlers.batchGetUsers({ ids: ids.map(idOf), onlyProperties: [] }, context);
  expect(users).toHaveLength(40);
  expect(total()).toBeGreaterThan(40 * large.length);

  const listing = call();
  await handlers.listUsers({ pageSize: 40, pageToken: "", onlyProperties: [] }, listing.context);
  expect(listing.total()).toBe(total());
});

test("only who may read users learns how far an index is", async () => {
  const configuration = store.configuration() ?? expect.fail("the store has no configuration");
  const index: Index = { property: "email", folded: true, number: 1, state: "building" };
  const building: UserStore = {
    ...store,
    configuration: () => ({ ...configuration, indexes: [index] }),
    progress: async () => ({ done: 3, total: 5 }),
  };
  const describing = handlersOver(building);
  for (const scope of ["users.read", "users.write", "users.delete", "users.get"] as const) {
    const principal = { name: scope, scopes: new Set([scope]) };
    const { progress, store: described } = await describing.getRegistry({}, { ...call().context, principal });
    expect(described?.indexes).toEqual([index]);
    expect(progress).toEqual(scope === "users.read" ? { done: 3, total: 5 } : undefined);
  }
  const failing = handlersOver({ ...building, progress: () => Promise.reject(new Error("the store is away")) });
  expect(await failing.getRegistry({}, call().context)).toMatchObject({ version: "0.0.0-test", progress: undefined });
});

test("users are read once the semaphore admits their answer", async () => {
  const released = Promise.withResolvers<void>();
  const acquired = reads.run(limits.maxReadBytes, new AbortController().signal, () => released.promise);
  await identify("waited for");
  const [found, listing, scanning] = [call(), call(), call()];
  const ids = [idOf("waited for")];
  const answers = [
    handlers.batchGetUsers({ ids, onlyProperties: [] }, found.context),
    handlers.listUsers({ pageSize: 1, pageToken: "", onlyProperties: [] }, listing.context),
    handlers.scanUsers({ pageSize: 1, pageToken: "", onlyProperties: [] }, scanning.context),
  ];
  await until(() => reads.waiting === answers.length);
  expect([found.total(), listing.total(), scanning.total()]).toEqual([0, 0, 0]);
  released.resolve();
  await acquired;
  for (const { users } of await Promise.all(answers)) expect(users).toHaveLength(1);
  expect([reads.used, reads.waiting]).toEqual([0, 0]);
});

test("users are identified once the semaphore admits their message", async () => {
  const released = Promise.withResolvers<void>();
  const acquired = batchWork.run(limits.maxBatchWorkBytes, new AbortController().signal, () => released.promise);
  const message = batchOf({ id: "" });
  async function* messages() {
    yield message;
  }
  const [streaming, calling] = [call(), call()];
  const stream = handlers.batchIdentify(messages(), streaming.context, streaming.context.signal);
  const answers = [stream[Symbol.asyncIterator]().next(), handlers.identifyUsers(message, calling.context)];
  await until(() => batchWork.waiting === answers.length);
  // The message of a stream counts until it is answered. That of a call has been counted with the call.
  expect([streaming.total(), calling.total()]).toEqual([message.messageBytes, 0]);
  released.resolve();
  await acquired;
  expect(await Promise.all(answers)).toMatchObject([{ value: { failed: 1_000 } }, { failed: 1_000 }]);
  expect([batchWork.used, batchWork.waiting]).toEqual([0, 0]);
  expect(calling.total()).toBeGreaterThan(1_000 * 500);
});

test("one large user counts", async () => {
  const writing = call();
  await identify("large", writing.context);
  expect(writing.total()).toBe(large.length);
  const reading = call();
  await handlers.getUser({ id: idOf("large"), onlyProperties: [] }, reading.context);
  expect(reading.total()).toBe(large.length);
});

test("an answer of a batch counts until it is written, and its message while it is worked on", async () => {
  const message = batchOf({ id: "", unset: Array.from({ length: 20 }, () => "") });
  async function* messages() {
    for (let sent = 0; sent < 4; sent++) yield message;
  }
  const { context, total } = call();
  const answers = handlers.batchIdentify(messages(), context, context.signal)[Symbol.asyncIterator]();
  const first = await answers.next();
  if (first.done === true) expect.fail("there is no answer");
  expect(first.value).toMatchObject({ failed: 1_000 });
  const one = total();
  // Its errors take about as much, and the next answer may be ready too.
  expect(one).toBeGreaterThan(1_000 * 1_000);
  while ((await answers.next()).done !== true);
  expect(total()).toBe(0);
});
