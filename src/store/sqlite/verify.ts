/** Walks over an SQLite database in slices, also while a server uses it. It reads only, and blocks no writes. */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { setImmediate as nextTurn } from "node:timers/promises";
import { findIn } from "../verify/record-checks.ts";
import { type Finding, notListed, notThere, recordsShare, type Slice, type StoreVerifier } from "../verify/verifier.ts";
import { explained, isCorrupt } from "./failures.ts";
import { openReadOnly } from "./read-only.ts";
import { findInLayout, sealRuleIn } from "./verify-layout.ts";

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
      } catch (error) {
        throw new Error(explained(error), { cause: error });
      }
    },
    close: () => database.close(),
  };
}

/** Returns rows as arrays, with integers of any size. */
function prepare(database: DatabaseSync, query: string): StatementSync {
  const statement = database.prepare(query);
  statement.setReturnArrays(true);
  statement.setReadBigInts(true);
  return statement;
}

/** Reads from one snapshot of the database. */
function atOneMoment<Result>(database: DatabaseSync, read: () => Result): Result {
  database.exec("BEGIN");
  try {
    return read();
  } finally {
    // Nothing was written, and a damaged file cannot be committed.
    if (database.isTransaction) database.exec("ROLLBACK");
  }
}

async function* recordSlices(database: DatabaseSync): AsyncGenerator<Slice> {
  const rowsWith = (seal: string) =>
    prepare(
      database,
      `SELECT rid, CAST(id AS BLOB), created_at, updated_at, etag, properties, preferences, observed, ${seal} FROM user
       WHERE rid > ? ORDER BY rid LIMIT ${maxRows}`,
    );
  const hasSeals = database.prepare("SELECT 1 FROM pragma_table_info('user') WHERE name = 'f'");
  const plain = rowsWith("NULL");
  let sealed: StatementSync | undefined;
  const ridOf = prepare(database, "SELECT rid FROM user WHERE id = CAST(? AS TEXT)");
  const last = lastOf(prepare(database, "SELECT max(rid) FROM user").get());
  let after: bigint | number = Number.NEGATIVE_INFINITY;
  for (;;) {
    const slice = atOneMoment(database, () => {
      const findings: Finding[] = [];
      let users = 0;
      let bytes = 0;
      const rule = sealRuleIn(database);
      // A server may add the column meanwhile.
      if (sealed === undefined && hasSeals.get() !== undefined) sealed = rowsWith("f");
      for (const row of (sealed ?? plain).iterate(after)) {
        const { rid, record } = recordOf(row);
        findings.push(...findIn(record, rule));
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
    yield { users: 0, findings, share: count < maxRows ? 1 : recordsShare };
    if (count < maxRows) return;
    await nextTurn();
  }
}

function recordOf(row: unknown) {
  const [rid, id, createdAt, updatedAt, etag, properties, preferences, observed, seal] = valuesOf(row);
  if (typeof rid !== "bigint") throw new TypeError("a row has no number");
  const record = {
    id: id instanceof Uint8Array ? id : nothing,
    rid,
    createdAt: typeof createdAt === "bigint" ? createdAt : undefined,
    updatedAt: typeof updatedAt === "bigint" ? updatedAt : undefined,
    etag: typeof etag === "string" ? etag : undefined,
    properties: bytesOf(properties),
    preferences: bytesOf(preferences ?? nothing),
    observed: bytesOf(observed ?? nothing),
    seal: seal === null ? undefined : (bytesOf(seal) ?? nothing),
  };
  return { rid, record };
}

const nothing = new Uint8Array();

function valuesOf(row: unknown): unknown[] {
  return Array.isArray(row) ? row : [];
}

function lastOf(row: unknown): unknown {
  return valuesOf(row).at(-1);
}

function bytesOf(value: unknown): Uint8Array | undefined {
  return value instanceof Uint8Array ? value : undefined;
}
