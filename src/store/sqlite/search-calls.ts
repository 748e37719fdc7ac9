/** The searches of the port, as calls of the database's thread: see searches.ts. */
import { type EntryRange, readEntry } from "../../users/indexes/entries.ts";
import type { FoundEntry } from "../../users/store.ts";
import type { StoreAdapter } from "../adapter.ts";
import { free, PackedReader, PackedWriter } from "../packed/buffer.ts";
import { unpackUser } from "../packed/users.ts";
import type { Database } from "./database-thread.ts";
import { wholeProgress } from "./messages.ts";

const nothing: Uint8Array = new Uint8Array();

/** Entries that this program has written; how many there were with others; and the last of all. */
interface SearchAnswer {
  readonly found: readonly FoundEntry[];
  readonly count: number;
  readonly last: Uint8Array | undefined;
}

/** A search for entries that waits for its answer. */
interface Search {
  readonly range: EntryRange;
  readonly count: number;
  readonly generation: number;
  readonly resolve: (answer: SearchAnswer | undefined) => void;
  readonly reject: (error: unknown) => void;
}

export function searchesOf(database: Database): Pick<StoreAdapter, "entries" | "countEntries" | "count" | "progress"> {
  /** Those of one tick travel to the thread together. */
  let waiting: Search[] = [];

  const send = async (): Promise<void> => {
    let searches = waiting;
    waiting = [];
    try {
      while (searches.length > 0) {
        const packed = await database.call("entries", packSearches(searches));
        const reader = new PackedReader(packed);
        let answered = 0;
        for (; !reader.done; answered++) searches[answered]?.resolve(readAnswer(reader));
        if (answered === 0) throw new Error("the database's thread has answered none of the searches");
        free(packed);
        searches = searches.slice(answered);
      }
    } catch (error) {
      for (const { reject } of searches) reject(error);
    }
  };

  /** @returns undefined if the store has a configuration of another generation */
  const search = (range: EntryRange, count: number, generation: number) =>
    new Promise<SearchAnswer | undefined>((resolve, reject) => {
      if (waiting.length === 0) queueMicrotask(send);
      waiting.push({ range, count, generation, resolve, reject });
    });

  const count = async (): Promise<number> => {
    for (;;) {
      const reader = new PackedReader(await database.call("count"));
      if (reader.u8() === 1) return reader.u64();
    }
  };

  return {
    async entries({ prefix, after: from }, wanted, generation) {
      const users: FoundEntry[] = [];
      let after = from;
      while (users.length < wanted) {
        const missing = wanted - users.length;
        const answer = await search({ prefix, after }, missing, generation);
        if (answer === undefined) return undefined;
        users.push(...answer.found);
        if (answer.count < missing) break;
        after = answer.last;
      }
      return users;
    },
    async countEntries(prefix, generation) {
      let entries = 0;
      let after: Uint8Array | undefined;
      do {
        const reader = new PackedReader(
          await database.call(
            "countEntries",
            packRange(new PackedWriter().u32(generation), { prefix, after }).finish(),
          ),
        );
        if (reader.u8() === 0) return undefined;
        entries += reader.u32();
        after = reader.bytes();
      } while (after.length > 0);
      return entries;
    },
    count,
    async progress() {
      const share = new PackedReader(await database.call("progress")).u32() / wholeProgress;
      const total = await count();
      return { done: Math.floor(share * total), total };
    },
  };
}

function packSearches(searches: readonly Search[]): Buffer<ArrayBuffer> {
  const writer = new PackedWriter().u32(searches.length);
  for (const { range, count, generation } of searches) packRange(writer.u32(generation).u32(count), range);
  return writer.finish();
}

function readAnswer(reader: PackedReader): SearchAnswer | undefined {
  if (reader.u8() === 0) return undefined;
  const count = reader.u32();
  const found: FoundEntry[] = [];
  let last: Uint8Array | undefined;
  for (let at = 0; at < count; at++) {
    last = reader.bytes();
    const hasUser = reader.u8() === 1;
    const entry = readEntry(last);
    // Others are another program's.
    if (entry !== undefined) found.push({ ...entry, user: hasUser ? unpackUser(reader, entry.id) : undefined });
  }
  return { found, count, last };
}

function packRange(writer: PackedWriter, { prefix, after = nothing }: EntryRange): PackedWriter {
  return writer.bytes(prefix).bytes(after);
}
