import type { JsonObject } from "@bufbuild/protobuf";
import type { UserToImport } from "../../client/index.ts";
import { type Journal, nothingDone, type Progress } from "./journal.ts";
import { invalidRejection, type Rejection, type Rejects, userAsRow } from "./rejects.ts";
import type { InvalidRow, Row, UserRow } from "./rows/row.ts";

/** Minimum time between two entries in the journal. */
const entryIntervalMs = 1_000;

/** What is kept of a user until it is answered. */
export interface KeptUser {
  /** Its position among the users of the source, from 1. */
  readonly ordinal: number;
  readonly line: number;
  readonly preferences?: JsonObject;
  /** See UserRow. */
  readonly original?: () => string;
}

interface Refusal {
  readonly kept: KeptUser;
  /** The user as a row of NDJSON. */
  readonly text: string;
  readonly rejection: Rejection;
}

export interface LedgerOptions {
  readonly rejects: Rejects;
  /** Undefined if the import cannot be resumed. */
  readonly journal: Journal | undefined;
  /** Progress of the import to resume. */
  readonly from?: Progress | undefined;
  readonly onInvalid: (row: InvalidRow) => void;
  /** The monotonic clock. */
  readonly now?: () => number;
}

/**
 * Keeps the books of an import: it hands out the users of the source, keeps rejected rows, and enters the progress in the
 * journal. An entry is exact: a refused user is kept only once every user before it is answered.
 *
 *     read ── user ──► sent ──► answered
 *      │                └────► refused ── all users before it are answered ──► answered, and kept as rejected
 *      ├── invalid ──► kept as rejected
 *      └── passed over
 */
export class Ledger {
  readonly #options: LedgerOptions;
  readonly #from: Progress;
  readonly #now: () => number;
  /** Rows read, including those that the resumed import had done. */
  readonly #read = { users: 0, invalid: 0, passedOver: 0 };
  #invalid: number;
  #passedOver: number;
  #withPreferences: number;
  /** Users sent, including those of the resumed import. */
  #sent: number;
  #answered: number;
  #counts: Progress["counts"];
  /** Of the users sent and not answered: positions of those with preferences, and those that were refused. */
  #unansweredWithPreferences: number[] = [];
  #refused: Refusal[] = [];
  #lastEntry: number;
  #entering: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(options: LedgerOptions) {
    const from = options.from ?? nothingDone;
    this.#options = options;
    this.#from = from;
    this.#now = options.now ?? (() => performance.now());
    this.#invalid = from.invalid;
    this.#passedOver = from.passedOver;
    this.#withPreferences = from.withPreferences;
    this.#sent = from.answered;
    this.#answered = from.answered;
    this.#counts = from.counts;
    this.#lastEntry = this.#now();
  }

  /** Progress of this run and those that it resumes. */
  get progress(): Progress {
    return {
      answered: this.#answered,
      invalid: this.#invalid,
      passedOver: this.#passedOver,
      withPreferences: this.#withPreferences,
      counts: { ...this.#counts },
      rejectedBytes: this.#options.rejects.length,
    };
  }

  /**
   * The users of a source, in groups as they are read, without those that the resumed import had done. Keeps invalid rows.
   *
   * @throws CliError if the rejected rows or the journal cannot be written
   */
  async *users(source: AsyncIterable<Iterable<Row>>): AsyncGenerator<Iterable<UserRow>> {
    for await (const rows of source) {
      if (this.#failure !== undefined) throw this.#failure.error;
      yield this.#usersOf(rows);
      await this.#options.rejects.drain();
    }
  }

  *#usersOf(rows: Iterable<Row>): Generator<UserRow> {
    const read = this.#read;
    for (const row of rows) {
      if (row.kind === "user") {
        if (++read.users > this.#from.answered) yield row;
      } else if (row.kind === "passed over") {
        if (++read.passedOver > this.#from.passedOver) this.#passedOver++;
      } else if (++read.invalid > this.#from.invalid) this.#reject(row);
    }
  }

  /** Called when the next user is sent. */
  keep({ line, preferences, original }: UserRow): KeptUser {
    const ordinal = ++this.#sent;
    if (preferences !== undefined) this.#unansweredWithPreferences.push(ordinal);
    return { ordinal, line, ...(preferences && { preferences }), ...(original && { original }) };
  }

  /**
   * Called when a user is refused, before `answered` counts it.
   *
   * @param user the user as sent
   */
  refused(kept: KeptUser, user: () => UserToImport, rejection: Rejection): void {
    const text = kept.original?.() ?? JSON.stringify(userAsRow(user(), kept.preferences));
    this.#refused.push({ kept, text, rejection });
  }

  /**
   * Called when users are answered.
   *
   * @param users how many in this run, from its first on, with these counts
   */
  answered(users: number, counts: Progress["counts"]): void {
    const { created, updated, unchanged, applied, failed } = this.#from.counts;
    this.#answered = this.#from.answered + users;
    this.#counts = {
      created: created + counts.created,
      updated: updated + counts.updated,
      unchanged: unchanged + counts.unchanged,
      applied: applied + counts.applied,
      failed: failed + counts.failed,
    };
    while ((this.#unansweredWithPreferences[0] ?? Number.POSITIVE_INFINITY) <= this.#answered) {
      this.#unansweredWithPreferences.shift();
      this.#withPreferences++;
    }
    this.#keepRefused(({ kept }) => kept.ordinal <= this.#answered);
    if (this.#entering === undefined && this.#now() - this.#lastEntry >= entryIntervalMs) this.#enterSoon();
  }

  async #enter(): Promise<void> {
    const { rejects, journal } = this.#options;
    const { progress } = this;
    this.#lastEntry = this.#now();
    await rejects.sync();
    await journal?.write(progress);
  }

  /**
   * Called when the import ends. The journal stays only if there is something to resume.
   *
   * @throws CliError if the rejected rows or the journal cannot be written
   */
  async end(outcome: "complete" | "interrupted"): Promise<void> {
    const { rejects, journal } = this.#options;
    // A resumed import sends unanswered users again, and is told of refusals again.
    if (outcome === "complete" || journal === undefined) this.#keepRefused(() => true);
    await this.#entering;
    if (outcome === "complete" || this.#answered + this.#invalid === 0) {
      await rejects.close();
      await journal?.remove();
    } else {
      await this.#enter();
      await rejects.close();
    }
  }

  #reject(row: InvalidRow): void {
    const { rejects, onInvalid } = this.#options;
    this.#invalid++;
    rejects.add(row.line, row.kept, invalidRejection(row));
    onInvalid(row);
  }

  #keepRefused(isDone: (refusal: Refusal) => boolean): void {
    const waiting: Refusal[] = [];
    for (const refusal of this.#refused) {
      const { kept, text, rejection } = refusal;
      if (isDone(refusal)) this.#options.rejects.add(kept.line, text, rejection);
      else waiting.push(refusal);
    }
    this.#refused = waiting;
  }

  #enterSoon(): void {
    this.#entering = this.#enter()
      .catch((error: unknown) => {
        this.#failure = { error };
      })
      .finally(() => {
        this.#entering = undefined;
      });
  }
}
