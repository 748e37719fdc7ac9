/** Walks over an SQLite database in slices, also while a server uses it. It reads only, and blocks no writes. */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { setImmediate as nextTurn } from "node:timers/promises";
import { findIn } from "../verify/record-checks.ts";
import { type Finding, notListed, notThere, recordsShare, type Slice, type StoreVerifier } from "../verify/verifier.ts";
import { explained, isCorrupt } from "./failures.ts";
import { openReadOnly } from "./read-only.ts";
import { EntriesOfUsers, entrySlices, listingShare } from "./verify-entries.ts";
import { findInLayout, sealRuleIn } from "./verify-layout.ts";
import { atOneMoment, prepare, recordOf, UserRows, valuesOf } from "./verify-rows.ts";

/** The most rows of one slice, and about the most bytes. */
const maxRows = 500;
const maxBytes = 1024 * 1024;
const busyTimeoutMs = 1_000;

/** @throws Error if there is no Rollcall database */
export function openSqliteVerifier(path: string): StoreVerifier {
  const database = openReadOnly(path);
  database.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
  return {
    async *walk() {
      try {
        yield { users: 0, share: 0, findings: atOneMoment(database, () => findInLayout(database)) };
        yield* recordSlices(database);
        yield* listingSlices(database);
        yield* entrySlices(database);
      } catch (error) {
        throw new Error(explained(error), { cause: error });
      }
    },
    close: () => database.close(),
  };
}

async function* recordSlices(database: DatabaseSync): AsyncGenerator<Slice> {
  const rows = new UserRows(database, `WHERE rid > ? ORDER BY rid LIMIT ${maxRows}`);
  const entries = new EntriesOfUsers(database);
  const ridOf = prepare(database, "SELECT rid FROM user WHERE id = CAST(? AS TEXT)");
  const last = lastOf(prepare(database, "SELECT max(rid) FROM user").get());
  let after: bigint | number = Number.NEGATIVE_INFINITY;
  for (;;) {
    const slice = atOneMoment(database, () => {
      const findings: Finding[] = [];
      let users = 0;
      let bytes = 0;
      const rule = sealRuleIn(database);
      for (const row of rows.statement.iterate(after)) {
        const { rid, record } = recordOf(row);
        findings.push(...findIn(entries.added(record, rule), rule));
        if (!isListed(ridOf, record.id, rid)) findings.push({ id: record.id, check: "listing", problem: notListed });
        after = rid;
        users++;
        bytes += (record.properties?.length ?? 0) + (record.preferences?.length ?? 0);
        if (bytes >= maxBytes) break;
      }
      return { users, findings };
    });
    if (slice.users === 0) return;
    yield { ...slice, share: recordsShare * Math.min(1, Math.max(0, Number(after) / Math.max(1, Number(last)))) };
    // Servers may add users faster than they are checked.
    if (typeof last !== "bigint" || after >= last) return;
    await nextTurn();
  }
}

function isListed(ridOf: StatementSync, id: Uint8Array, rid: bigint): boolean {
  try {
    return lastOf(ridOf.get(id)) === rid;
  } catch (error) {
    if (isCorrupt(error)) return false;
    throw error;
  }
}

async function* listingSlices(database: DatabaseSync): AsyncGenerator<Slice> {
  const index = "INDEXED BY sqlite_autoindex_user_1";
  const entries = (from: string) =>
    prepare(database, `SELECT CAST(id AS BLOB), rid FROM user ${index} WHERE id ${from} ORDER BY id LIMIT ${maxRows}`);
  const [first, next] = [entries(">= CAST(? AS TEXT)"), entries("> CAST(? AS TEXT)")];
  const idAt = prepare(database, "SELECT CAST(id AS BLOB) FROM user WHERE rid = ?");
  let after: Uint8Array | undefined;
  for (;;) {
    const findings: Finding[] = [];
    const count = atOneMoment(database, () => {
      const listed = (after === undefined ? first : next).all(after ?? new Uint8Array());
      for (const entry of listed) {
        const [id, rid] = valuesOf(entry);
        if (!(id instanceof Uint8Array) || typeof rid !== "bigint") continue;
        after = id;
        const [stored] = valuesOf(idAt.get(rid));
        if (stored instanceof Uint8Array && Buffer.compare(stored, id) === 0) continue;
        findings.push({
          id,
          check: "listing",
          problem: stored === undefined ? notThere : "is listed in another's place",
        });
      }
      return listed.length;
    });
    yield { users: 0, findings, share: count < maxRows ? listingShare : recordsShare };
    if (count < maxRows) return;
    await nextTurn();
  }
}

function lastOf(row: unknown): unknown {
  return valuesOf(row).at(-1);
}
