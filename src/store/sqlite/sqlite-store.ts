import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { Worker } from "node:worker_threads";
import { storeFull, storeUnavailable } from "../../users/errors.ts";
import type { StoreAdapter } from "../adapter.ts";
import { packCommands, packIds, packRange, readAll, unpackFound, unpackIds, unpackResults } from "../packed.ts";
import type { Request, Response, Verb, WorkerData } from "./messages.ts";

/** Users in one call, so that it does not hold the thread up for others for more than a few milliseconds. */
const maxCallUsers = 200;

const maxCallBytes = 256 * 1024;
/** How many calls the thread has before it, so that it need not wait for the next. */
const lanes = 2;

/** The thread holds little beyond one call: more would only lie about for longer before it is cleared away. */
const maxYoungGenerationSizeMb = 16;

type Pending = { resolve: (packed: Uint8Array) => void; reject: (reason: unknown) => void };

/**
 * Opens users kept in an SQLite database, in a thread of its own. What it answers is on disk (fsync).
 *
 * @param path the database file; it and its directory are made if they are not there
 * @throws Error if the file cannot be opened, or is not Rollcall's
 */
export async function openSqliteStore(path: string): Promise<StoreAdapter> {
  mkdirSync(dirname(path), { recursive: true });
  const thread = new DatabaseThread(path);
  await thread.opened;
  return {
    shape: {
      lanes,
      laneOf: (id) => id.charCodeAt(id.length - 1) % lanes,
      mixed: true,
      maxUsers: maxCallUsers,
      maxBytes: maxCallBytes,
    },
    async write(commands) {
      return unpackResults(await thread.call("write", packCommands(commands)), commands);
    },
    get(ids) {
      return readAll(ids, async (some) => unpackFound(await thread.call("get", packIds(some)), some));
    },
    async list(after, count) {
      return unpackIds(await thread.call("list", packRange(after, count)));
    },
    async check() {
      await thread.call("check");
    },
    async warnings() {
      return [];
    },
    async close() {
      await thread.call("close");
    },
  };
}

class DatabaseThread {
  readonly opened: Promise<void>;
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #calls = 0;
  /** Why the thread ended, once it has. */
  #ended: Error | undefined;

  constructor(path: string) {
    const data: WorkerData = { path };
    this.#worker = new Worker(new URL("./worker.ts", import.meta.url), {
      workerData: data,
      resourceLimits: { maxYoungGenerationSizeMb },
    });
    this.opened = new Promise((resolve, reject) => {
      this.#worker.on("message", (response: Response) => {
        if (response.call >= 0) this.#settle(response);
        else if ("packed" in response) resolve();
        else reject(new Error(response.message));
      });
      this.#worker.on("error", (error) => this.#end(error));
      this.#worker.on("exit", () => {
        const error = this.#ended ?? new Error("the database's thread has ended");
        this.#end(error);
        reject(error);
      });
    });
  }

  call(verb: Verb, packed: Buffer = Buffer.alloc(0)): Promise<Uint8Array> {
    if (this.#ended !== undefined) return Promise.reject(storeUnavailable(this.#ended));
    return new Promise((resolve, reject) => {
      const call = this.#calls++;
      this.#pending.set(call, { resolve, reject });
      const { buffer } = packed;
      if (!(buffer instanceof ArrayBuffer)) throw new TypeError("packed data lies in shared memory");
      const request: Request = { call, verb, packed: new Uint8Array(buffer, packed.byteOffset, packed.length) };
      this.#worker.postMessage(request, packed.length > 0 ? [buffer] : []);
    });
  }

  #settle(response: Response): void {
    const pending = this.#pending.get(response.call);
    this.#pending.delete(response.call);
    if ("packed" in response) pending?.resolve(response.packed);
    else {
      const error = new Error(response.message);
      const { failure } = response;
      pending?.reject(failure === "full" ? storeFull(error) : failure === "database" ? storeUnavailable(error) : error);
    }
  }

  #end(error: Error): void {
    this.#ended = error;
    for (const pending of this.#pending.values()) pending.reject(storeUnavailable(error));
    this.#pending.clear();
  }
}
