/** The thread that owns the database, so that transactions do not block the server's event loop. */
import { parentPort, workerData } from "node:worker_threads";
import { UserDatabase } from "./database.ts";
import { explained, isCorrupt, isFromSqlite, isFull } from "./failures.ts";
import { createLogClearing } from "./log-clearing.ts";
import type { Request, ReserveNotice, Response, WorkerData } from "./messages.ts";
import { Reserve, type ReserveState } from "./reserve.ts";

const port = parentPort;
if (port === null) throw new Error("this file runs as a worker thread");

function post(response: Response): void {
  port?.postMessage(response, "packed" in response ? [response.packed.buffer] : []);
}

function failed(call: number, error: unknown): Response {
  const message = explained(error);
  if (isCorrupt(error)) return { call, failure: "corrupt", message };
  if (!isFromSqlite(error)) return { call, failure: "unexpected", message };
  return { call, failure: isFull(error) ? "full" : "database", message };
}

function answer(database: UserDatabase, { verb, packed }: Request): Uint8Array<ArrayBuffer> {
  switch (verb) {
    case "write":
      return database.write(packed);
    case "get":
      return database.get(packed);
    case "list":
      return database.list(packed);
    case "check":
      database.check();
      return new Uint8Array();
    case "close":
      database.close();
      return new Uint8Array();
  }
}

function tellReserve(reserve: ReserveState, reason: string | undefined): void {
  const notice: ReserveNotice = { reserve, reason };
  port?.postMessage(notice);
}

const { path, mayCreate, reserveBytes }: WorkerData = workerData;
try {
  const reserve = new Reserve(path, tellReserve, reserveBytes);
  const database = new UserDatabase(path, () => Date.now() * 1_000, { reserve, mayCreate });
  const clearing = createLogClearing(
    () => database.remembersDeleted,
    () => database.forgetDeleted(),
  );
  port.on("message", (request: Request) => {
    try {
      post({ call: request.call, packed: answer(database, request) });
    } catch (error) {
      post(failed(request.call, error));
    }
    if (request.verb === "close") {
      clearing.close();
      port.close();
    } else clearing.called();
  });
  clearing.called();
  post({ call: -1, packed: new Uint8Array() });
  database.keepReserve();
} catch (error) {
  post(failed(-1, error));
  port.close();
}
