/** Examines the entries of indexes: users without theirs, and entries that no user has. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { setImmediate as nextTurn } from "node:timers/promises";
import { entryPrefix, indexedValues, numberOfEntry, readEntry } from "../../users/indexes/entries.ts";
import { isMaintained } from "../../users/indexes/indexed-property.ts";
import { isCanonical } from "../../users/struct/scan.ts";
import { findIn, type SealRule, type StoredRecord } from "../verify/record-checks.ts";
import type { Finding, Slice } from "../verify/verifier.ts";
import { findEntryTable } from "./entry-table.ts";
import { sealRuleIn } from "./verify-layout.ts";
import { atOneMoment, prepare, recordOf, UserRows, valuesOf } from "./verify-rows.ts";

/** The most entries of one slice. */
const maxEntries = 500;
/** The share of a whole walk that is done before the entries. */
export const listingShare = 0.8;

/** Looks for the entries that users should have. */
export class EntriesOfUsers {
  readonly #database: DatabaseSync;
  #select: StatementSync | undefined;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** @returns the record with those of its entries that are there, in a transaction of the caller's */
  added(record: StoredRecord, { indexes = [] }: SealRule): StoredRecord {
    const { id, properties } = record;
    if (indexes.length === 0 || properties === undefined || !isCanonical(properties)) return record;
    if (this.#select === undefined && findEntryTable(this.#database) !== "ours") return record;
    this.#select ??= this.#database.prepare("SELECT 1 FROM entry WHERE entry = ?");
    const select = this.#select;
    const there = indexedValues(indexes, properties).filter(
      ({ number, value }) => select.get(Buffer.concat([entryPrefix(number, value), id])) !== undefined,
    );
    return { ...record, entries: there.map(({ number, value }) => entryPrefix(number, value)) };
  }
}

/** Walks over the entries, and looks for their users. */
export async function* entrySlices(database: DatabaseSync): AsyncGenerator<Slice> {
  const users = new UserRows(database, "WHERE id = ?");
  let statement: StatementSync | undefined;
  let after: Uint8Array = nothing;
  for (;;) {
    const { findings, isLast } = atOneMoment(database, () => {
      const rule = sealRuleIn(database);
      // A server drops the table with the last index.
      if (rule.indexes === undefined || rule.indexes.length === 0 || findEntryTable(database) !== "ours") return ended;
      statement ??= prepare(database, `SELECT entry FROM entry WHERE entry > ? ORDER BY entry LIMIT ${maxEntries}`);
      const found: Finding[] = [];
      const entries = statement.all(after);
      for (const row of entries) {
        const [entry] = valuesOf(row);
        if (!(entry instanceof Uint8Array)) continue;
        found.push(...findInEntry(entry, rule, (id) => users.statement.get(id)));
        after = entry;
      }
      return { findings: found, isLast: entries.length < maxEntries };
    });
    yield { users: 0, findings, share: isLast ? 1 : listingShare };
    if (isLast) return;
    await nextTurn();
  }
}

const nothing: Uint8Array = new Uint8Array();
const ended: { readonly findings: readonly Finding[]; readonly isLast: boolean } = { findings: [], isLast: true };

/** @param userOf reads the row of a user */
function findInEntry(entry: Uint8Array, rule: SealRule, userOf: (id: string) => unknown): Finding[] {
  const check = "entries";
  const user = readEntry(entry);
  // The entry may hold anything, so it is not named.
  if (user === undefined) return [{ id: Buffer.from("entry"), check, problem: "has a row that is not Rollcall's" }];
  const number = numberOfEntry(entry);
  const indexes = rule.indexes?.filter((index) => index.number === number) ?? [];
  const row = userOf(user.id);
  if (row !== undefined) {
    const record = { ...recordOf(row).record, entries: [entryPrefix(number, user.value)] };
    return findIn(record, { ...rule, indexes }).filter((finding) => finding.check === check);
  }
  // No write keeps up the entries of an index that is being dropped.
  if (indexes.some((index) => !isMaintained(index))) return [];
  return [{ id: Buffer.from(user.id), check, problem: "has an entry in an index, and there is no such user" }];
}
