/** What the stores do alone: Redis with Rollcall's script, SQLite with Rollcall's rows. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { DatabaseSync } from "node:sqlite";
import { readIdentifyRequest } from "../src/rpc/messages/read-identify.ts";
import { noConfiguration } from "../src/store/configuration.ts";
import { ScriptCommand } from "../src/store/redis/command.ts";
import { createKeys, partitionOf } from "../src/store/redis/keys.ts";
import { placed, writeCall } from "../src/store/redis/write-call.ts";
import { layout } from "../src/store/sqlite/user-table.ts";
import { createEtagSource } from "../src/users/etag.ts";
import { prepareIdentify, requiredProperties } from "../src/users/identify.ts";
import type { IdentifyCommand } from "../src/users/store.ts";
import { identifyTemplate } from "./load/requests.ts";

/** The values of Rollcall's adapters. */
const usersPerCall = 128;
const lanes = 4;
const usersPerTransaction = 200;
/** A deadline that no script call misses. */
const never = Number.MAX_SAFE_INTEGER;
const prefixBytes = 5;

/** Commands that give the users `from` to `to` a value. */
export function* identifyCommands(from: number, to: number, value: number): Generator<IdentifyCommand> {
  const template = identifyTemplate();
  const required = requiredProperties(["name", "email"]);
  const drawEtag = createEtagSource();
  for (let user = from; user < to; user++) {
    template.set(0, user, value);
    const request = readIdentifyRequest(template.copy().subarray(prefixBytes));
    if (request === undefined) throw new Error("the template is unusual");
    const input = { ...request, precondition: undefined, observedAt: undefined };
    yield prepareIdentify(input, required, { etag: drawEtag(), wantUser: false, mayRead: true }).command;
  }
}

/**
 * Sends the script calls that Rollcall would send for these users over a bare socket. They are encoded beforehand.
 *
 * @returns users a second
 */
export async function redisAlone(port: number, from: number, to: number, value: number): Promise<number> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  const keys = createKeys("rollcall:");
  const waiting: IdentifyCommand[][] = Array.from({ length: lanes }, () => []);
  const calls: Buffer[] = [];
  const makeCall = (share: readonly IdentifyCommand[]) => {
    const groups = [...new Set(share.map(({ id }) => partitionOf(id)))];
    const call = writeCall({ servers: { partitioned: false }, keys }, share.map(placed), groups, noConfiguration);
    return new ScriptCommand(call, calls.length === 0, [never, 0]).toWritable();
  };
  for (const command of identifyCommands(from, to, value)) {
    const lane = waiting[partitionOf(command.id) % lanes] ?? [];
    lane.push(command);
    if (lane.length === usersPerCall) calls.push(makeCall(lane.splice(0)));
  }
  for (const lane of waiting) if (lane.length > 0) calls.push(makeCall(lane));

  const start = performance.now();
  await exchange(socket, calls);
  const seconds = (performance.now() - start) / 1_000;
  socket.destroy();
  return (to - from) / seconds;
}

/** Sends requests, as many at a time as Rollcall has lanes, and counts the answers, which are bulk strings. */
function exchange(socket: Socket, requests: readonly Buffer[]): Promise<void> {
  return new Promise((resolve, reject) => {
    let sent = 0;
    let answered = 0;
    let rest: Buffer = Buffer.alloc(0);
    const sendNext = () => {
      const request = requests[sent++];
      if (request !== undefined) socket.write(request);
    };
    socket.on("error", reject);
    socket.on("data", (piece) => {
      rest = Buffer.concat([rest, Buffer.from(piece)]);
      for (let end = rest.indexOf("\r\n"); end >= 0; end = rest.indexOf("\r\n")) {
        const head = rest.toString("latin1", 0, end);
        if (!head.startsWith("$")) return reject(new Error(`Redis answered ${head}`));
        const next = end + 2 + Number(head.slice(1)) + 2;
        if (rest.length < next) return;
        rest = rest.subarray(next);
        answered++;
        sendNext();
      }
      if (answered === requests.length) resolve();
    });
    // The first request carries the script.
    for (let lane = 0; lane < lanes; lane++) sendNext();
  });
}

/** Writes users into SQLite in a plain loop, with the durability, rows and transactions of Rollcall's adapter. */
export class SqliteAlone {
  readonly #database: DatabaseSync;

  constructor(path: string) {
    this.#database = new DatabaseSync(path);
    this.#database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
    this.#database.exec(layout);
  }

  /** @returns users a second */
  write(from: number, to: number, value: number): number {
    const rows = [...identifyCommands(from, to, value)];
    const database = this.#database;
    const select = database.prepare("SELECT rid, properties FROM user WHERE id = ?");
    const insert = database.prepare(
      "INSERT INTO user (id, created_at, updated_at, etag, properties) VALUES (?, ?, ?, ?, ?)",
    );
    const update = database.prepare("UPDATE user SET updated_at = ?, etag = ?, properties = ? WHERE rid = ?");
    const start = performance.now();
    for (let at = 0; at < rows.length; at += usersPerTransaction) {
      database.exec("BEGIN IMMEDIATE");
      for (const { id, etag, edits } of rows.slice(at, at + usersPerTransaction)) {
        const now = Date.now() * 1_000;
        const row = select.get(id);
        const { rid = null, properties } = row ?? {};
        if (rid === null) insert.run(id, now, now, etag, edits);
        else if (!(properties instanceof Uint8Array) || Buffer.compare(properties, edits) !== 0) {
          update.run(now, etag, edits, rid);
        }
      }
      database.exec("COMMIT");
    }
    return rows.length / ((performance.now() - start) / 1_000);
  }

  close(): void {
    this.#database.close();
  }
}
