/** A store in memory that only searches: what the domain asks of it, without a store's own rules. */
import type { JsonObject } from "@bufbuild/protobuf";
import type { DamagedUser } from "../../src/users/damaged.ts";
import { boundsOf, entryOf, indexedValues, readEntry } from "../../src/users/indexes/entries.ts";
import type { Index } from "../../src/users/indexes/indexed-property.ts";
import type { Progress, StoredUser, UserStore } from "../../src/users/store.ts";
import type { StoreConfiguration } from "../../src/users/store-configuration.ts";
import type { UserId } from "../../src/users/user-id.ts";
import { userId } from "./commands.ts";
import { canonical } from "./struct.ts";

export interface SearchedStore extends UserStore {
  /** Sets a user. Without an entry, it is as if a write had changed the user since its entries were read. */
  put(id: string, properties: JsonObject, more?: { readonly at?: number; readonly hasEntry?: boolean }): void;
  damage(id: string): void;
  /** Takes a user away, and leaves its entries. */
  forget(id: string): void;
  /** Gives the store other indexes. */
  index(...indexes: readonly Index[]): void;
}

const never = async () => {
  throw new Error("the search has no need of that");
};

export function searchedStore(first: readonly Index[], storeId = "a store"): SearchedStore {
  const users = new Map<UserId, StoredUser | DamagedUser>();
  const entriesOf = new Map<UserId, readonly Uint8Array[]>();
  let configuration: StoreConfiguration = {
    ...{ storeId, madeBy: "0.2.0", generation: 1, features: [], seals: undefined, nextIndex: 1, folding: "17.0.0" },
    indexes: first,
  };
  const progress: Progress = { done: 3, total: 5 };
  const isCurrent = (generation: number) => generation === configuration.generation;
  const inOrder = () => [...entriesOf.values()].flat().sort(Buffer.compare);
  return {
    put(text, properties, { at = 1, hasEntry = true } = {}) {
      const id = userId(text);
      const struct = canonical(properties);
      users.set(id, { id, properties: struct, preferences: canonical({}), createdAt: at, updatedAt: at, etag: "e" });
      if (!hasEntry) return;
      const values = indexedValues(configuration.indexes, struct);
      entriesOf.set(
        id,
        values.map(({ number, value }) => entryOf(number, value, id)),
      );
    },
    damage(text) {
      const id = userId(text);
      users.set(id, { id, damaged: "properties" });
    },
    forget: (id) => void users.delete(userId(id)),
    index(...indexes) {
      configuration = { ...configuration, indexes, generation: configuration.generation + 1 };
    },
    configuration: () => configuration,
    async get(ids) {
      return ids.map((id) => users.get(id));
    },
    async list(after, count) {
      const ids = [...users.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      return ids
        .filter((id) => after === undefined || Buffer.compare(Buffer.from(id), Buffer.from(after)) > 0)
        .slice(0, count);
    },
    async entries(range, count, generation) {
      if (!isCurrent(generation)) return undefined;
      const [low, high] = boundsOf(range);
      return inOrder()
        .filter((entry) => Buffer.compare(entry, low) > 0 && Buffer.compare(entry, high) < 0)
        .slice(0, count)
        .flatMap((entry) => {
          const read = readEntry(entry);
          return read === undefined ? [] : [{ ...read, user: undefined }];
        });
    },
    async countEntries(prefix, generation) {
      if (!isCurrent(generation)) return undefined;
      return inOrder().filter((entry) => Buffer.compare(entry.subarray(0, prefix.length), prefix) === 0).length;
    },
    count: async () => users.size,
    progress: async () => progress,
    write: never,
    check: never,
    warnings: never,
    close: async () => {},
  };
}
