/** The thread that owns the database, so that transactions do not block the server's event loop. */
import { parentPort, workerData } from "node:worker_threads";
import { UnknownFeaturesError } from "../../users/features.ts";
import { ConfigurationError } from "../configuration.ts";
import { UserDatabase } from "./database.ts";
import { explained, isCorrupt, isFromSqlite, isFull } from "./failures.ts";
import { createLogClearing } from "./log-clearing.ts";
import type { Notice, Request, Response, WorkerData } from "./messages.ts";
import { Reserve, type ReserveState } from "./reserve.ts";

const port = parentPort;
if (port === null) throw new Error("this file runs as a worker thread");

function post(response: Response): void {
  port?.postMessage(response, "packed" in response ? [response.packed.buffer] : []);
}

function failed(call: number, error: unknown): Response {
  const message = explained(error);
  if (isCorrupt(error)) return { call, failure: "corrupt", message };
  const isRefusal = error instanceof UnknownFeaturesError || error instanceof ConfigurationError;
  if (!isFromSqlite(error) && !isRefusal) return { call, failure: "unexpected", message };
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
    case "entries":
    case "countEntries":
    case "count":
    case "progress":
      return database.search(verb, packed);
    case "check":
      database.check();
      return new Uint8Array();
    case "sweep":
      return database.sweep();
    case "close":
      database.close();
      return new Uint8Array();
  }
}

function tellReserve(reserve: ReserveState, reason: string | undefined): void {
  tell({ reserve, reason });
}

function tell(notice: Notice): void {
  port?.postMessage(notice);
}

const { path, mayCreate, reserveBytes }: WorkerData = workerData;
try {
  const reserve = new Reserve(path, tellReserve, reserveBytes);
  let brokenSeals = 0;
  let tooLong = 0;
  const database = new UserDatabase(path, () => Date.now() * 1_000, {
    reserve,
    mayCreate,
    onConfiguration: (configuration) => tell({ configuration }),
    onBrokenSeal: () => brokenSeals++,
    onTooLong: () => tooLong++,
  });
  const clearing = createLogClearing(
    () => database.remembersDeleted,
    () => database.forgetDeleted(),
  );
  port.on("message", (request: Request) => {
    try {
      post({ call: request.call, packed: answer(database, request) });
    } catch (error) {
      post(failed(request.call, error));
      // What was mended or written has been rolled back.
      [brokenSeals, tooLong] = [0, 0];
    }
    if (brokenSeals > 0) tell({ brokenSeals });
    if (tooLong > 0) tell({ tooLong });
    [brokenSeals, tooLong] = [0, 0];
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
