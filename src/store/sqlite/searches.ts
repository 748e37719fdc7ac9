/**
 * What is asked besides users, packed in one buffer each way, little-endian (`u32+prefix` is a length, and as many bytes):
 *
 *     entries        u32 searches; for each: u32 generation, u32 count, u32+prefix, u32+after; answered for each by u8 whether the
 *                    configuration is of that generation, and if so: u32 count, and for each entry u32+entry and u8 whether its user
 *                    follows, packed (packed.ts). Fewer answers than searches if the first were enough for one call
 *     countEntries   u32 generation, u32+prefix, u32+after; answered by u8 as above, and if so: u32 how many in a piece of the range,
 *                    u32+last of them: the next piece is after it. Empty if there are no more
 *     count          nothing; answered by u8 whether all users have been counted, and if so: u64 how many. If not, ask again
 *     progress       nothing; answered by u32 how far the background work is, in millionths
 *
 * `after` is empty for the beginning.
 */
import type { DatabaseSync } from "node:sqlite";
import { type EntryRange, readEntry } from "../../users/indexes/entries.ts";
import { PackedReader, PackedWriter } from "../packed/buffer.ts";
import type { FollowedConfiguration } from "./followed-configuration.ts";
import { type SearchVerb, wholeProgress } from "./messages.ts";
import type { UserCount } from "./user-count.ts";
import { writeFound } from "./write-found.ts";

/** After so many entries, the searches of a call wait for the next one. */
const callEntries = 1_000;
/** After so many bytes, a call reads no further users. */
const maxReadBytes = 256 * 1024;
/** Entries that are counted at a time: in about a millisecond. */
const pieceEntries = 20_000;

export class Searches {
  readonly #database: DatabaseSync;
  readonly #configured: FollowedConfiguration;
  readonly #users: UserCount;
  readonly #now: () => number;

  /** @param now milliseconds since 1970 */
  constructor(database: DatabaseSync, configured: FollowedConfiguration, users: UserCount, now: () => number) {
    this.#database = database;
    this.#configured = configured;
    this.#users = users;
    this.#now = now;
  }

  answer(verb: SearchVerb, packed: Uint8Array): Buffer<ArrayBuffer> {
    const reader = new PackedReader(packed);
    return this.#atOneMoment(() => {
      this.#configured.follow();
      switch (verb) {
        case "entries":
          return this.#entries(reader);
        case "countEntries":
          return this.#countEntries(reader);
        case "count":
          return this.#count();
        case "progress":
          return new PackedWriter(4).u32(Math.floor(this.#configured.progress(this.#now()) * wholeProgress)).finish();
      }
    });
  }

  #entries(reader: PackedReader): Buffer<ArrayBuffer> {
    const answer = new PackedWriter();
    let found = 0;
    for (let searches = reader.u32(); searches > 0 && found < callEntries; searches--) {
      const table = this.#configured.entriesOf(reader.u32());
      const count = reader.u32();
      const range = readRange(reader);
      if (table === undefined) answer.u8(0);
      else {
        const entries = table.list(range, count);
        answer.u8(1).u32(entries.length);
        for (const entry of entries) this.#addEntry(answer, entry);
        found += entries.length;
      }
    }
    return answer.finish();
  }

  #addEntry(answer: PackedWriter, entry: Uint8Array): void {
    answer.bytes(entry);
    const id = answer.length < maxReadBytes ? readEntry(entry)?.id : undefined;
    answer.u8(id === undefined ? 0 : 1);
    if (id !== undefined) writeFound(answer, this.#configured.users, id);
  }

  #countEntries(reader: PackedReader): Buffer<ArrayBuffer> {
    const table = this.#configured.entriesOf(reader.u32());
    if (table === undefined) return anotherGeneration();
    const { count, last = nothing } = table.count(readRange(reader), pieceEntries);
    return new PackedWriter().u8(1).u32(count).bytes(last).finish();
  }

  #count(): Buffer<ArrayBuffer> {
    const users = this.#users.ask();
    const answer = new PackedWriter(9).u8(users === undefined ? 0 : 1);
    return (users === undefined ? answer : answer.u64(users)).finish();
  }

  /** Reads from one snapshot of the database. */
  #atOneMoment<Result>(read: () => Result): Result {
    this.#database.exec("BEGIN");
    try {
      return read();
    } finally {
      // A damaged file may have ended it.
      if (this.#database.isTransaction) this.#database.exec("COMMIT");
    }
  }
}

const nothing: Uint8Array = new Uint8Array();

function anotherGeneration(): Buffer<ArrayBuffer> {
  return new PackedWriter(1).u8(0).finish();
}

function readRange(reader: PackedReader): EntryRange {
  const prefix = reader.bytes();
  const after = reader.bytes();
  return { prefix, after: after.length === 0 ? undefined : after };
}
