import type { DatabaseSync, StatementSync } from "node:sqlite";

/** Counted at a time: less than a millisecond. */
const pieceUsers = 50_000;
/** After so many attempts that another process has disturbed, all users are counted at once. */
const maxAttempts = 5;

/** Users that have been counted: all up to an id. */
interface Counted {
  readonly users: number;
  /** The last id, in UTF-8; undefined once all are counted. */
  readonly upTo: Uint8Array | undefined;
}

const begin: Counted = { users: 0, upTo: new Uint8Array() };

/**
 * How many users there are. They are counted once somebody asks, in pieces, so that other calls have their turns. From then on the
 * number keeps in step with what this process writes, until another process writes.
 */
export class UserCount {
  readonly #database: DatabaseSync;
  /** Undefined before anybody has asked. */
  #counted: Counted | undefined;
  /** What the open transaction adds. */
  #open = 0;
  /** Changes with each transaction of another process. */
  #version: unknown;
  #attempts = 0;
  #statements: ReturnType<typeof prepare> | undefined;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /**
   * Counts a piece, within a transaction of the caller's that writes nothing.
   *
   * @returns how many users there are; undefined if it has not counted them all yet
   */
  ask(): number | undefined {
    this.#statements ??= prepare(this.#database);
    const { version, all } = this.#statements;
    const now = version.get()?.["data_version"];
    let counted = this.#counted;
    if (counted === undefined || now !== this.#version) {
      counted = begin;
      this.#attempts++;
    }
    this.#version = now;
    if (this.#attempts > maxAttempts) counted = { users: numberIn(all.get()), upTo: undefined };
    else if (counted.upTo !== undefined) counted = this.#further(counted.users, counted.upTo, this.#statements);
    this.#counted = counted;
    if (counted.upTo !== undefined) return undefined;
    this.#attempts = 0;
    return counted.users;
  }

  /** A user was inserted or deleted, in the open transaction. */
  changed(id: string, by: 1 | -1): void {
    if (this.#counted === undefined) return;
    const { upTo } = this.#counted;
    if (upTo === undefined || Buffer.compare(Buffer.from(id, "utf8"), upTo) <= 0) this.#open += by;
  }

  /** The open transaction has ended. */
  ended(isCommitted: boolean): void {
    if (isCommitted && this.#counted !== undefined && this.#open !== 0) {
      this.#counted = { ...this.#counted, users: this.#counted.users + this.#open };
    }
    this.#open = 0;
  }

  #further(users: number, upTo: Uint8Array, { last, rest }: ReturnType<typeof prepare>): Counted {
    const id = last.get(upTo, pieceUsers - 1)?.["id"];
    if (id instanceof Uint8Array) return { users: users + pieceUsers, upTo: id };
    return { users: users + numberIn(rest.get(upTo)), upTo: undefined };
  }
}

function prepare(database: DatabaseSync) {
  return {
    version: database.prepare("PRAGMA data_version"),
    last: database.prepare(
      `SELECT CAST(id AS BLOB) AS id FROM (SELECT id FROM user WHERE id > CAST(? AS TEXT) ORDER BY id LIMIT 1 OFFSET ?)`,
    ),
    rest: database.prepare("SELECT count(*) AS users FROM user WHERE id > CAST(? AS TEXT)"),
    all: database.prepare("SELECT count(*) AS users FROM user"),
  };
}

function numberIn(row: ReturnType<StatementSync["get"]>): number {
  return Number(row?.["users"]);
}
