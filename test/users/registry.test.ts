/** The registry's decisions, over a store on disk. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "vitest";
import { defaultServerLimits } from "../../src/config/server-limits.ts";
import { coalesce } from "../../src/store/lanes/coalescing-store.ts";
import { openSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { UserError } from "../../src/users/errors.ts";
import { createEtagSource } from "../../src/users/etag.ts";
import { type IdentifyInput, requiredProperties } from "../../src/users/identify.ts";
import { createUserRegistry, type UserRegistry } from "../../src/users/registry.ts";
import type { UserStore } from "../../src/users/store.ts";
import { decode, encode } from "../support/struct.ts";

let directory: string;
let store: UserStore;
let registry: UserRegistry;
const withRequired = (...names: string[]) =>
  createUserRegistry({ store, required: requiredProperties(names), drawEtag: createEtagSource() });

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "rollcall-registry-"));
  store = coalesce(await openSqliteStore(join(directory, "users.db")), defaultServerLimits.maxWaitingBytes);
  registry = withRequired("name", "email");
});
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true });
});

const ada = { name: "Ada", email: "ada@example.com" };
const input = (id: string, ...pieces: JsonObject[]): IdentifyInput => ({
  id: Buffer.from(id),
  properties: pieces.map(encode),
  setOnce: [],
  unset: [],
  precondition: undefined,
  observedAt: undefined,
  validateOnly: false,
});
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.fail("it succeeded"),
    (error: unknown) => error,
  );

test("every offending field of a request is named", async () => {
  const error = await failure(registry.identify(input("", { "": 1, name: "Ada" })));
  expect(error).toBeInstanceOf(UserError);
  expect(error).toMatchObject({
    reason: "INVALID_ID",
    violations: [
      { field: "id", reason: "INVALID_ID" },
      { field: 'properties[""]', reason: "INVALID_PROPERTY" },
    ],
  });
});

test("a Struct in two pieces is one", async () => {
  const { user } = await registry.identify(input("pieces", { name: "Ada", n: 1 }, { email: "a@b.c", n: 2 }));
  expect(decode(user?.properties ?? new Uint8Array())).toEqual({ name: "Ada", email: "a@b.c", n: 2 });
});

test("required properties are asked for on creation only, and never taken back", async () => {
  expect(await failure(registry.identify(input("required", { name: "Ada" })))).toMatchObject({
    reason: "REQUIRED_PROPERTY_MISSING",
    violations: [{ field: "properties.email" }],
    metadata: { required_properties: "name,email" },
  });
  await registry.identify(input("required", ada));
  await registry.identify(input("required", { n: 1 }));
  for (const email of [null, "", 1, [], {}, true]) {
    expect(await failure(registry.identify(input("required", { email })))).toMatchObject({
      reason: "REQUIRED_PROPERTY_MISSING",
      violations: [{ field: "properties.email" }],
    });
  }
});

test("an operator may require other properties, with names of any kind, or none", async () => {
  const others = withRequired("a.b", "é");
  expect(await failure(others.identify(input("others", ada)))).toMatchObject({
    violations: [{ field: 'properties["a.b"]' }, { field: 'properties["é"]' }],
  });
  await others.identify(input("others", { "a.b": "x", é: "y" }));
  const { outcome } = await withRequired().identify(input("none"));
  expect(outcome).toBe("created");
});

test("users stored before the list changed are not checked again", async () => {
  await withRequired().identify(input("before", { n: 1 }));
  const { outcome } = await registry.identify(input("before", { n: 2 }));
  expect(outcome).toBe("updated");
});

test("a batch applies what it can, and gives each other item its error", async () => {
  const results = await registry.identifyBatch([
    input("batch", ada),
    input("batch-2", { n: 1 }),
    input("", ada),
    input("batch", { n: 1 }),
  ]);
  expect(results).toMatchObject([
    { outcome: "created" },
    {
      error: {
        reason: "REQUIRED_PROPERTY_MISSING",
        violations: [{ field: "properties.name" }, { field: "properties.email" }],
      },
    },
    { error: { reason: "INVALID_ID" } },
    { outcome: "updated" },
  ]);
  expect(await registry.identifyBatch([])).toEqual([]);
  expect(await registry.identifyBatch([input("")])).toHaveLength(1);
});

test("get selects properties, and says who is not there", async () => {
  await registry.identify(input("get", { ...ada, n: 1 }));
  const names = ["n", "email", "none"].map((name) => Buffer.from(name));
  expect(decode((await registry.get(Buffer.from("get"), names)).properties)).toEqual({ n: 1, email: ada.email });
  expect(await failure(registry.get(Buffer.from("nobody"), []))).toMatchObject({ reason: "USER_NOT_FOUND" });
  const tooMany = Array.from({ length: 513 }, () => Buffer.from("a"));
  expect(await failure(registry.get(Buffer.from("get"), tooMany))).toMatchObject({ reason: "LIMIT_EXCEEDED" });
});
