import { randomFillSync } from "node:crypto";
import { closeSync, lstatSync, openSync, readSync, rmSync, statfsSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { performance } from "node:perf_hooks";
import { fileMode } from "./database-file.ts";

/**
 * The room that a deletion needs on a full disk: a checkpoint may grow the database by as much as SQLite leaves in the log
 * (4 MiB), and the largest user is overwritten with zeros.
 */
export const defaultReserveBytes = 8 * 1024 * 1024;

/** `used`: the disk has no room for it, or deletions took its room. `unavailable`: it cannot be made for another reason. */
export type ReserveState = "kept" | "used" | "unavailable";

/** The first bytes of the file. A file without them is not removed. */
const mark = Buffer.from("Rollcall's reserve: docs/operating.md\n");
/** Written at a time, random: a file system that compresses or deduplicates would keep no room for other bytes. */
const blockBytes = 1024 * 1024;
/** The pause after it did not fit. At a quota, the disk seems to have room. */
const retryMs = 60_000;
const outOfRoom: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/** A file beside the database whose only purpose is to take room, which it gives to deletions on a full disk. */
export class Reserve {
  readonly #path: string;
  readonly #bytes: number;
  readonly #onChange: (state: ReserveState, reason: string | undefined) => void;
  #state: ReserveState = "unavailable";
  #isKnown = false;
  #nextAttempt = 0;

  /**
   * @param database the database's path
   * @param onChange called with the first state and each change, and the reason if it cannot be made
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

  /** Makes the file, if it is not there and the disk has room. */
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

  /** Removes the file. @returns whether that freed room */
  release(): boolean {
    try {
      if (!this.#isThere()) return false;
      rmSync(this.#path);
      this.#become("used");
      return true;
    } catch {
      // It is not ours or cannot be removed, and frees no room.
      return false;
    }
  }

  /** @throws Error if there is something else in its place */
  #isThere(): boolean {
    const found = lstatSync(this.#path, { throwIfNoEntry: false });
    if (found === undefined) return false;
    if (!found.isFile() || !this.#isMarked()) throw new Error(`${this.#path} is something else`);
    if (found.size === this.#bytes) return true;
    // The process ended before it was complete.
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
