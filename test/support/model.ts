/** The contract of the registry in memory, as simple as can be: what every store is held to. One required property. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { findUsers, type ModelFound, type ModelIndex, type ModelMatch, scanUsers } from "./model-searches.ts";
import { valueBytes } from "./struct.ts";

export type ModelPrecondition = { exists: boolean } | { version: number };
export interface ModelIdentify {
  id: string;
  set: JsonObject;
  setOnce: JsonObject;
  unset: string[];
  precondition?: ModelPrecondition | undefined;
  observedAt?: number | undefined;
  validateOnly: boolean;
}
export interface ModelUser {
  properties: JsonObject;
  marks: Map<string, number>;
  preferences: JsonObject;
  /** Stands for the etag; no two states of any user have the same. */
  version: number;
}
export type ModelAnswer = { refused: string } | { outcome: string; user: ModelUser; ignored: string[] };

const maxProperties = 512;
const maxAhead = 3_600_000_000;
const has = (object: JsonObject, name: string) => Object.hasOwn(object, name);
const isText = (value: JsonValue | undefined) => typeof value === "string" && value !== "";
const same = (a: JsonObject, b: JsonObject) => valueBytes(a) === valueBytes(b);
const refused = (reason: string): ModelAnswer => ({ refused: reason });

/**
 * @param required the property that every user has
 * @param now the store's clock, in µs: it stands still
 * @param firstIndexes those that are built
 */
export function createModel(required: string, now: number, firstIndexes: readonly Omit<ModelIndex, "isReady">[]) {
  const users = new Map<string, ModelUser>();
  let indexes: readonly ModelIndex[] = firstIndexes.map((index) => ({ ...index, isReady: true }));
  let versions = 0;
  const none = (): ModelUser => ({ properties: {}, marks: new Map(), preferences: {}, version: 0 });

  function unmet(user: ModelUser | undefined, wanted: ModelPrecondition | undefined): ModelAnswer | undefined {
    if (wanted === undefined) return undefined;
    if (user === undefined) return "exists" in wanted && !wanted.exists ? undefined : refused("USER_NOT_FOUND");
    if ("exists" in wanted) return wanted.exists ? undefined : refused("USER_ALREADY_EXISTS");
    return wanted.version === user.version ? undefined : refused("ETAG_MISMATCH");
  }

  /** Whether what was sent at `at` wins over what is there. */
  function wins(user: ModelUser, name: string, value: JsonValue | undefined, at: number | undefined): boolean {
    const mark = user.marks.get(name);
    if (at === undefined || mark === undefined || at !== mark)
      return at === undefined || mark === undefined || at > mark;
    const there = user.properties[name];
    if (!has(user.properties, name)) return true;
    return value !== undefined && valueBytes(value) >= valueBytes(there ?? null);
  }

  function identify(request: ModelIdentify): ModelAnswer {
    const { id, set, setOnce, unset, observedAt } = request;
    const names = [...Object.keys(set), ...Object.keys(setOnce), ...new Set(unset)];
    if (observedAt !== undefined && Object.keys(setOnce).length > 0) return refused("INVALID_OBSERVED_AT");
    if (new Set(names).size < names.length) return refused("INVALID_PROPERTY");
    const misused = [set, setOnce].some((part) => has(part, required) && !isText(part[required]));
    if (misused || unset.includes(required)) return refused("REQUIRED_PROPERTY_MISSING");
    if (observedAt !== undefined && observedAt > now + maxAhead) return refused("INVALID_OBSERVED_AT");
    const stored = users.get(id);
    const failure = unmet(stored, request.precondition);
    if (failure !== undefined) return failure;
    if (stored === undefined && !names.includes(required)) return refused("REQUIRED_PROPERTY_MISSING");

    const user = structuredClone(stored ?? none());
    const ignored: string[] = [];
    const apply = (name: string, value: JsonValue | undefined, applies: boolean) => {
      if (!applies) ignored.push(name);
      if (!applies) return;
      if (value === undefined) delete user.properties[name];
      else
        Object.defineProperty(user.properties, name, { value, enumerable: true, configurable: true, writable: true });
      const mark = user.marks.get(name);
      if (observedAt !== undefined || mark !== undefined) user.marks.set(name, observedAt ?? Math.max(mark ?? 0, now));
    };
    for (const [name, value] of Object.entries(set)) apply(name, value, wins(user, name, value, observedAt));
    for (const [name, value] of Object.entries(setOnce)) apply(name, value, !has(user.properties, name));
    for (const name of unset)
      if (!ignored.includes(name)) apply(name, undefined, wins(user, name, undefined, observedAt));
    if (new Set([...Object.keys(user.properties), ...user.marks.keys()]).size > maxProperties)
      return refused("LIMIT_EXCEEDED");

    const differs = !same(user.properties, stored?.properties ?? {});
    const outcome = stored === undefined ? "created" : differs ? "updated" : "unchanged";
    if (!request.validateOnly) {
      if (outcome !== "unchanged") user.version = ++versions;
      users.set(id, user);
    }
    return { outcome, user, ignored: ignored.sort() };
  }

  function setPreferences(id: string, sent: JsonObject, merge: boolean, precondition?: ModelPrecondition): ModelAnswer {
    const user = users.get(id);
    if (user === undefined) return refused("USER_NOT_FOUND");
    const failure = unmet(user, precondition);
    if (failure !== undefined) return failure;
    const preferences = merge ? { ...user.preferences, ...sent } : sent;
    if (same(preferences, user.preferences)) return { outcome: "unchanged", user, ignored: [] };
    const changed = { ...user, preferences, version: ++versions };
    users.set(id, changed);
    return { outcome: "updated", user: changed, ignored: [] };
  }

  function remove(id: string, allowMissing: boolean, precondition?: ModelPrecondition): ModelAnswer {
    const user = users.get(id);
    if (user === undefined)
      return allowMissing ? { outcome: "unchanged", user: none(), ignored: [] } : refused("USER_NOT_FOUND");
    const failure = unmet(user, precondition);
    if (failure !== undefined) return failure;
    users.delete(id);
    return { outcome: "deleted", user: none(), ignored: [] };
  }

  /** An index that stays is as it was. Another one has to be built. */
  function setIndexes(wanted: readonly Omit<ModelIndex, "isReady">[]): void {
    indexes = wanted.map(({ property, folded }) => {
      const there = indexes.find((index) => index.property === property && index.folded === folded);
      return { property, folded, isReady: there?.isReady ?? false };
    });
  }

  function buildIndexes(): void {
    indexes = indexes.map((index) => ({ ...index, isReady: true }));
  }

  const indexed = () => indexes.map(({ property }) => property);
  const find = (match: ModelMatch): ModelFound => findUsers(users, indexes, match);
  const scan = (properties: JsonObject): string[] => scanUsers(users, properties);
  return { users, identify, setPreferences, remove, setIndexes, buildIndexes, indexed, find, scan };
}
