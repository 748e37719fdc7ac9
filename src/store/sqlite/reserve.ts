import { randomFillSync } from "node:crypto";
import { closeSync, lstatSync, openSync, readSync, rmSync, statfsSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { performance } from "node:perf_hooks";
import { fileMode } from "./database-file.ts";

/**
 * Room for what a deletion needs on a full disk: the log is brought into the database, which may grow by as much as SQLite
 * leaves in the log (4 MiB), and the largest user is overwritten with zeros.
 */
export const defaultReserveBytes = 8 * 1024 * 1024;

/** `used`: the disk has no room for it, or deletions have taken its room. `unavailable`: it cannot be made, for another reason. */
export type ReserveState = "kept" | "used" | "unavailable";

/** What the file begins with: another file of its name is nobody's to remove. */
const mark = Buffer.from("Rollcall's reserve: docs/operating.md\n");
/** A file system that compresses, or stores once what is alike, would keep no room for anything else than random bytes. */
const blockBytes = 1024 * 1024;
/** After it did not fit: where a quota is reached, the disk seems to have room. */
const retryMs = 60_000;
const outOfRoom: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/** A file beside the database that does nothing but take room, which deletions may have where the disk has none. */
export class Reserve {
  readonly #path: string;
  readonly #bytes: number;
  readonly #onChange: (state: ReserveState, reason: string | undefined) => void;
  #state: ReserveState = "unavailable";
  #isKnown = false;
  #nextAttempt = 0;

  /**
   * @param database the database's path
   * @param onChange called with the first state and with each change; with the reason, where it cannot be made
   */
  constructor(
    database: string,
    onChange: (state: ReserveState, reason: string | undefined) => void,
    bytes = defaultReserveBytes,
  ) {
    this.#path = `${database}.reserve`;
    this.#bytes = bytes;
    this.#onChange = onChange;
  }

  get state(): ReserveState {
    return this.#state;
  }

  /** Makes it, if it is not there and the disk has room for it. */
  keep(): void {
    try {
      if (!this.#isThere()) {
        if (performance.now() < this.#nextAttempt) return;
        const { bavail, bsize } = statfsSync(dirname(this.#path));
        if (bavail * bsize < this.#bytes) {
          this.#become("used");
          return;
        }
        this.#make();
      }
      this.#become("kept");
    } catch (error) {
      const isFull = error instanceof Error && "code" in error && outOfRoom.has(String(error.code));
      if (isFull) this.#nextAttempt = performance.now() + retryMs;
      this.#become(isFull ? "used" : "unavailable", error);
    }
  }

  /** Gives its room away. @returns whether there was some */
  release(): boolean {
    try {
      if (!this.#isThere()) return false;
      rmSync(this.#path);
      this.#become("used");
      return true;
    } catch {
      // It is not ours, or cannot be removed: it gives no room.
      return false;
    }
  }

  /** @throws Error if there is something else in its place */
  #isThere(): boolean {
    const found = lstatSync(this.#path, { throwIfNoEntry: false });
    if (found === undefined) return false;
    if (!found.isFile() || !this.#isMarked()) throw new Error(`${this.#path} is something else`);
    if (found.size === this.#bytes) return true;
    // It was being made when the process ended.
    rmSync(this.#path);
    return false;
  }

  #isMarked(): boolean {
    const file = openSync(this.#path, "r");
    try {
      const head = Buffer.alloc(mark.length);
      const length = readSync(file, head, 0, head.length, 0);
      return head.subarray(0, length).equals(mark.subarray(0, length));
    } finally {
      closeSync(file);
    }
  }

  #make(): void {
    const file = openSync(this.#path, "wx", fileMode);
    try {
      const block = Buffer.alloc(Math.min(blockBytes, this.#bytes));
      for (let at = 0; at < this.#bytes; ) {
        randomFillSync(block);
        if (at === 0) mark.copy(block);
        at += writeSync(file, block, 0, Math.min(block.length, this.#bytes - at), at);
      }
    } catch (error) {
      rmSync(this.#path);
      throw error;
    } finally {
      closeSync(file);
    }
  }

  #become(state: ReserveState, error?: unknown): void {
    if (this.#isKnown && state === this.#state) return;
    this.#isKnown = true;
    this.#state = state;
    this.#onChange(state, error instanceof Error ? error.message : undefined);
  }
}
