import { extname } from "node:path";
import { performance } from "node:perf_hooks";
import { Worker } from "node:worker_threads";
import { storeFull, storeUnavailable } from "../../users/errors.ts";
import { CorruptError } from "./failures.ts";
import type { Notice, Request, Response, Verb, WorkerData } from "./messages.ts";

/** The thread needs little memory beyond one call. With more, garbage would only be collected later. */
const maxYoungGenerationSizeMb = 16;

/** Compiled if this file is. */
const workerFile = new URL(`./worker${extname(import.meta.filename)}`, import.meta.url);

type Pending = { resolve: (packed: Uint8Array) => void; reject: (reason: unknown) => void };

/** The pause before a thread that ended is started again. */
const restartMs = 1_000;

export interface DatabaseSettings {
  readonly path: string;
  readonly reserveBytes: number;
  readonly onNotice: (notice: Notice) => void;
}

/** The database in its thread, which is started again if it ends, for example because it has run out of memory. */
export class Database {
  readonly #settings: DatabaseSettings;
  #thread: DatabaseThread;
  #startedAt = performance.now();

  private constructor(settings: DatabaseSettings) {
    this.#settings = settings;
    this.#thread = new DatabaseThread(settings, true);
  }

  /** @throws Error if the file cannot be opened, or is not Rollcall's */
  static async open(settings: DatabaseSettings): Promise<Database> {
    const database = new Database(settings);
    await database.#thread.opened;
    return database;
  }

  /** @throws UserError STORE_UNAVAILABLE, STORE_FULL; CorruptError; Error if the thread fails otherwise */
  call(verb: Exclude<Verb, "close">, packed?: Buffer<ArrayBuffer>): Promise<Uint8Array> {
    const now = performance.now();
    if (this.#thread.hasEnded && now - this.#startedAt >= restartMs) {
      this.#startedAt = now;
      // The file existed: if it is gone by now, it is not made again.
      this.#thread = new DatabaseThread(this.#settings, false);
      // If it cannot be opened, calls reject with the reason.
      this.#thread.opened.catch(() => {});
    }
    return this.#thread.call(verb, packed);
  }

  async close(): Promise<void> {
    if (!this.#thread.hasEnded) await this.#thread.call("close");
  }
}

class DatabaseThread {
  readonly opened: Promise<void>;
  readonly #path: string;
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #calls = 0;
  /** Why the thread ended, once it has. */
  #ended: Error | undefined;

  constructor({ path, reserveBytes, onNotice }: DatabaseSettings, mayCreate: boolean) {
    this.#path = path;
    const data: WorkerData = { path, mayCreate, reserveBytes };
    this.#worker = new Worker(workerFile, {
      workerData: data,
      resourceLimits: { maxYoungGenerationSizeMb },
    });
    this.opened = new Promise((resolve, reject) => {
      this.#worker.on("message", (response: Response | Notice) => {
        if (!("call" in response)) onNotice(response);
        else if (response.call >= 0) this.#settle(response);
        else if ("packed" in response) resolve();
        else {
          const error = new Error(response.message);
          this.#end(error);
          reject(error);
        }
      });
      this.#worker.on("error", (error) => this.#end(error));
      this.#worker.on("exit", () => {
        const error = this.#ended ?? new Error("the database's thread has ended");
        this.#end(error);
        reject(error);
      });
    });
  }

  get hasEnded(): boolean {
    return this.#ended !== undefined;
  }

  call(verb: Verb, packed: Buffer<ArrayBuffer> = Buffer.alloc(0)): Promise<Uint8Array> {
    if (this.#ended !== undefined) return Promise.reject(storeUnavailable(new Error(this.#named(this.#ended.message))));
    return new Promise((resolve, reject) => {
      const call = this.#calls++;
      this.#pending.set(call, { resolve, reject });
      const request: Request = { call, verb, packed };
      this.#worker.postMessage(request, packed.length > 0 ? [packed.buffer] : []);
    });
  }

  #settle(response: Response): void {
    const pending = this.#pending.get(response.call);
    this.#pending.delete(response.call);
    if ("packed" in response) pending?.resolve(response.packed);
    else {
      const { failure } = response;
      const message = this.#named(response.message);
      const error = failure === "corrupt" ? new CorruptError(message) : new Error(message);
      pending?.reject(failure === "full" ? storeFull(error) : failure === "database" ? storeUnavailable(error) : error);
    }
  }

  #end(error: Error): void {
    this.#ended = error;
    for (const pending of this.#pending.values())
      pending.reject(storeUnavailable(new Error(this.#named(error.message))));
    this.#pending.clear();
  }

  /** The message of a failed call, with the file, which nothing else names. */
  #named(message: string): string {
    return `SQLite at ${this.#path}: ${message}`;
  }
}
