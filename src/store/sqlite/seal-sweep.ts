/** The walk over the seals of all users, slice by slice; each in a transaction of the caller's. */
import type { DatabaseSync } from "node:sqlite";
import type { StoreConfiguration } from "../../users/store-configuration.ts";
import { sealOf, stateOfSeal } from "../seal.ts";
import { nextStep, noWalk, type SealStep, type WalkState } from "../seal-walk.ts";

/** A slice takes the database's thread about a millisecond. */
const sliceUsers = 200;

export interface SealSlice {
  /** Undefined if there was nothing to do. */
  readonly work: SealStep["work"] | undefined;
  readonly items: number;
  /** Of the walk, from 0 to 1. */
  readonly share: number;
  /** How many broken seals it has found and mended. */
  readonly broken: number;
  readonly isDone: boolean;
}

export const nothingToDo: SealSlice = { work: undefined, items: 0, share: 1, broken: 0, isDone: true };

/** @param now milliseconds since 1970 */
export function sweepSeals(database: DatabaseSync, configuration: StoreConfiguration, now: number): SealSlice {
  if (configuration.generation === 0) return nothingToDo;
  database.exec("CREATE TABLE IF NOT EXISTS sweep (walk TEXT NOT NULL, after TEXT NOT NULL, done INTEGER) STRICT");
  const step = nextStep(configuration, readState(database), now);
  if (step === undefined) return nothingToDo;
  const { after } = step;
  // Only another program's rows have other numbers: such users are damaged, and left as they are.
  const rows = database
    .prepare("SELECT rid, etag, f FROM user WHERE rid > ? AND rid <= ? ORDER BY rid LIMIT ?")
    .all(after === "" ? Number.MIN_SAFE_INTEGER : Number(after), Number.MAX_SAFE_INTEGER, sliceUsers);
  const write = database.prepare("UPDATE user SET f = ? WHERE rid = ?");
  let broken = 0;
  let last = after;
  for (const { rid, etag, f } of rows) {
    last = String(rid);
    const seal = f instanceof Uint8Array ? f : undefined;
    // What is damaged is left as it is.
    if (typeof rid !== "number" || typeof etag !== "string") continue;
    const { generation, seals } = configuration;
    if (seals === undefined) {
      if (seal !== undefined) write.run(null, rid);
      continue;
    }
    const state = stateOfSeal(seal, etag, seals);
    if (state === "broken") broken++;
    if (state !== "whole") write.run(sealOf(generation, etag), rid);
  }
  const isDone = rows.length < sliceUsers;
  database.exec("DELETE FROM sweep");
  database.prepare("INSERT INTO sweep VALUES (?, ?, ?)").run(step.name, last, isDone ? now : null);
  const greatest = database.prepare("SELECT max(rid) AS rid FROM user WHERE rid <= ?").get(Number.MAX_SAFE_INTEGER)?.[
    "rid"
  ];
  const share = isDone ? 1 : Math.max(0, Number(last)) / Math.max(1, Number(greatest));
  return { work: step.work, items: rows.length, share, broken, isDone };
}

function readState(database: DatabaseSync): WalkState {
  const row = database.prepare("SELECT walk, after, done FROM sweep").get();
  if (row === undefined) return noWalk;
  const { walk, after, done } = row;
  return { name: String(walk), after: String(after), doneAt: typeof done === "number" ? done : undefined };
}
