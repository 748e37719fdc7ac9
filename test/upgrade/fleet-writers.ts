/**
 * Writers of a fleet. Each knows what its users must be after every answer, because nobody else writes to them, or to its own
 * properties of them.
 */
import assert from "node:assert/strict";
import type { JsonObject } from "@bufbuild/protobuf";
import { importUsers, type User } from "../../src/client/index.ts";
import { oneOf, type Random } from "../support/random.ts";
import { ada } from "../support/server.ts";
import type { Caller } from "./fleet.ts";

/** What must be stored of a user; undefined if it must not be there. */
export interface Expected {
  readonly properties: JsonObject;
  readonly preferences: JsonObject;
}
export type Expectations = Map<string, Expected | undefined>;

export type Writer = (caller: Caller, random: Random, stopping: AbortSignal) => Promise<Expectations>;

const sharedIds = Array.from({ length: 8 }, (_, n) => `fleet shared ${n}`);
const importedUsers = 30;

/** Counts one user up, each time on the condition that it is as the last answer said; now and then deletes it. */
export function counter(name: string): Writer {
  const id = `fleet counter ${name}`;
  return async (caller, random, stopping) => {
    let expected: Expected | undefined;
    let etag = "";
    const learn = (user: User | undefined) => {
      assert.deepEqual(user && stateOf(user), expected, id);
      etag = user?.etag ?? "";
    };
    for (let n = 1; !stopping.aborted; n++) {
      const precondition = {
        condition: expected ? ({ case: "etag", value: etag } as const) : ({ case: "exists", value: false } as const),
      };
      const act = expected === undefined ? "identify" : oneOf(random, ["identify", "identify", "prefer", "delete"]);
      if (act === "identify") {
        const properties = indexedOf(n);
        expected = { properties, preferences: expected?.preferences ?? {} };
        learn((await caller.call((users) => users.identify({ id, properties, precondition }))).user);
      } else if (act === "prefer" && expected !== undefined) {
        expected = { ...expected, preferences: { n } };
        learn((await caller.call((users) => users.setPreferences({ id, preferences: { n }, precondition }))).user);
      } else {
        expected = undefined;
        await caller.call((users) => users.deleteUser({ id, precondition }));
      }
      learn((await caller.call((users) => users.batchGetUsers({ ids: [id] }))).users[0]);
    }
    return new Map([[id, expected]]);
  };
}

/** Sets a property of its own on users that others write to as well. */
export function sharer(name: string): Writer {
  return async (caller, random, stopping) => {
    const written: Expectations = new Map();
    for (let n = 1; !stopping.aborted; n++) {
      const id = oneOf(random, sharedIds);
      const { user } = await caller.call((users) => users.identify({ id, properties: { ...ada, [name]: n } }));
      assert.equal(user?.properties?.[name], n, id);
      written.set(id, { properties: { ...ada, [name]: n }, preferences: {} });
    }
    return written;
  };
}

/** Imports the same users again and again, and reads them through the next server. */
export function importer(name: string): Writer {
  const ids = Array.from({ length: importedUsers }, (_, n) => `fleet imported ${name} ${n}`);
  return async (caller, _random, stopping) => {
    for (let n = 1; ; n++) {
      const expected: Expected = { properties: indexedOf(n), preferences: {} };
      const items = ids.map((id) => ({ id, properties: { ...expected.properties } }));
      const counts = await caller.call((users) => importUsers(users, items, { maxDownMs: 0, onRefused: refuse }));
      assert.equal(counts.answered, ids.length);
      const { users } = await caller.call((client) => client.batchGetUsers({ ids }));
      assert.deepEqual(
        users.map(stateOf),
        ids.map(() => expected),
      );
      if (stopping.aborted) return new Map(ids.map((id) => [id, expected]));
    }
  };
}

/** Other values of what may be indexed than those before. */
function indexedOf(n: number): JsonObject {
  return { ...ada, email: `Ada.${n}@Example.com`, plan: ["free", "pro", n][n % 3] ?? n, n };
}

function refuse(item: { id: string }, error: { reason: string }): never {
  throw new Error(`${item.id} was refused: ${error.reason}`);
}

export function stateOf({ properties = {}, preferences = {} }: User): Expected {
  return { properties, preferences };
}
