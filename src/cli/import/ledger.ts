import type { JsonObject } from "@bufbuild/protobuf";
import type { UserToImport } from "../../client/index.ts";
import { type Journal, nothingDone, type Progress } from "./journal.ts";
import { invalidRejection, type Rejection, type Rejects, userAsRow } from "./rejects.ts";
import type { InvalidRow, Row, UserRow } from "./rows/row.ts";

/** The shortest time between two entries in the journal. */
const entryIntervalMs = 1_000;

/** What is kept of a user of the source until it is answered. */
export interface KeptUser {
  /** Its position among the source's users, from 1. */
  readonly ordinal: number;
  readonly line: number;
  readonly preferences?: JsonObject;
  /** As UserRow has it. */
  readonly original?: () => string;
}

interface Refusal {
  readonly kept: KeptUser;
  /** The user as NDJSON has it. */
  readonly text: string;
  readonly rejection: Rejection;
}

export interface LedgerOptions {
  readonly rejects: Rejects;
  /** Undefined where the import cannot be resumed. */
  readonly journal: Journal | undefined;
  /** How far an import came that is resumed. */
  readonly from?: Progress | undefined;
  readonly onInvalid: (row: InvalidRow) => void;
  /** The monotonic clock. */
  readonly now?: () => number;
}

/**
 * Follows an import: gives out the users of its source, keeps the rows that are rejected, and enters in the journal how
 * far it has come. What an entry says holds exactly: a refusal is kept only once every user before it has been answered.
 */
export class Ledger {
  readonly #options: LedgerOptions;
  readonly #from: Progress;
  readonly #now: () => number;
  /** Rows that have been read, also those that the import that is resumed has done. */
  readonly #read = { users: 0, invalid: 0, passedOver: 0 };
  #invalid: number;
  #passedOver: number;
  #withPreferences: number;
  /** Users of the source that have been sent, also by the import that is resumed. */
  #sent: number;
  #answered: number;
  #counts: Progress["counts"];
  /** Users that were sent and are not answered, by what the ledger has to remember of them. */
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

  /** Everything that has been done, in this run and the ones that it resumes. */
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
   * The users of a source, as many at a time as are read at once, without those that an import that is resumed has done.
   * Rows without a user are kept.
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

  /** The next of the users is sent. */
  keep({ line, preferences, original }: UserRow): KeptUser {
    const ordinal = ++this.#sent;
    if (preferences !== undefined) this.#unansweredWithPreferences.push(ordinal);
    return { ordinal, line, ...(preferences && { preferences }), ...(original && { original }) };
  }

  /**
   * A user was refused, and `answered` has not said yet that everything up to it has been answered.
   *
   * @param user as it was sent
   */
  refused(kept: KeptUser, user: () => UserToImport, rejection: Rejection): void {
    const text = kept.original?.() ?? JSON.stringify(userAsRow(user(), kept.preferences));
    this.#refused.push({ kept, text, rejection });
  }

  /**
   * The first users of this run have been answered, with these counts.
   *
   * @param users how many
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

  /** Enters how far the import has come. */
  async #enter(): Promise<void> {
    const { rejects, journal } = this.#options;
    const { progress } = this;
    this.#lastEntry = this.#now();
    await rejects.sync();
    await journal?.write(progress);
  }

  /**
   * The import has ended: with everything answered, or interrupted. Where there is nothing to go on with, no journal is
   * left.
   *
   * @throws CliError if the rejected rows or the journal cannot be written
   */
  async end(outcome: "complete" | "interrupted"): Promise<void> {
    const { rejects, journal } = this.#options;
    // A resumed import sends again what was not answered, and hears of its refusals again.
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
