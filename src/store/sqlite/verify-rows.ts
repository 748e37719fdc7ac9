/** Reads what `rollcall verify` examines. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { StoredRecord } from "../verify/record-checks.ts";

/** Returns rows as arrays, with integers of any size. */
export function prepare(database: DatabaseSync, query: string): StatementSync {
  const statement = database.prepare(query);
  statement.setReturnArrays(true);
  statement.setReadBigInts(true);
  return statement;
}

/** Reads from one snapshot of the database. */
export function atOneMoment<Result>(database: DatabaseSync, read: () => Result): Result {
  database.exec("BEGIN");
  try {
    return read();
  } finally {
    // Nothing was written, and a damaged file cannot be committed.
    if (database.isTransaction) database.exec("ROLLBACK");
  }
}

/** Reads users, with what else there is in the order of `recordOf`. */
export class UserRows {
  readonly #plain: StatementSync;
  readonly #hasSeals: StatementSync;
  readonly #withSeals: () => StatementSync;
  #sealed: StatementSync | undefined;

  /** @param which the condition, and what comes behind it */
  constructor(database: DatabaseSync, which: string) {
    const rowsWith = (seal: string) =>
      prepare(
        database,
        `SELECT rid, CAST(id AS BLOB), created_at, updated_at, etag, properties, preferences, observed, ${seal} FROM user ${which}`,
      );
    this.#plain = rowsWith("NULL");
    this.#withSeals = () => rowsWith("f");
    this.#hasSeals = database.prepare("SELECT 1 FROM pragma_table_info('user') WHERE name = 'f'");
  }

  /** To be read within one transaction. */
  get statement(): StatementSync {
    // A server may add the column meanwhile.
    if (this.#sealed === undefined && this.#hasSeals.get() !== undefined) this.#sealed = this.#withSeals();
    return this.#sealed ?? this.#plain;
  }
}

/** @param row of UserRows */
export function recordOf(row: unknown): { readonly rid: bigint; readonly record: StoredRecord } {
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

export function valuesOf(row: unknown): unknown[] {
  return Array.isArray(row) ? row : [];
}

function bytesOf(value: unknown): Uint8Array | undefined {
  return value instanceof Uint8Array ? value : undefined;
}
