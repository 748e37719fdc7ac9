/** How far the walk over all users has come. */
import type { DatabaseSync } from "node:sqlite";
import type { StoreConfiguration } from "../../users/store-configuration.ts";
import { nextStep, noWalk, type SealStep, type WalkState } from "../seal-walk.ts";
import { rowOf } from "./entry-build.ts";

/** Where a walk stands that has seen all users, and goes on with the entries. It does not say with which: they hold values. */
export const atEntries = "entries";

/** @param now milliseconds since 1970 */
export function nextStepIn(
  database: DatabaseSync,
  configuration: StoreConfiguration,
  now: number,
): SealStep | undefined {
  return configuration.generation === 0 ? undefined : nextStep(configuration, readState(database), now);
}

/** For what share of the users the work is done that the last change of the configuration asked for. @param now as above */
export function progressOf(database: DatabaseSync, configuration: StoreConfiguration, now: number): number {
  const step = nextStepIn(database, configuration, now);
  if (step === undefined || step.work === "check" || step.after === atEntries) return 1;
  return shareOf(database, step.after);
}

/** How far a place in a walk over users is among all, by the numbers of the rows. */
export function shareOf(database: DatabaseSync, place: string): number {
  const row = rowOf(place);
  if (row === "") return 0;
  const greatest = database.prepare("SELECT max(rid) AS rid FROM user WHERE rid <= ?").get(Number.MAX_SAFE_INTEGER);
  return Math.min(1, Math.max(0, Number(row)) / Math.max(1, Number(greatest?.["rid"])));
}

export function hasWalkTable(database: DatabaseSync): boolean {
  return database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'sweep'").get() !== undefined;
}

function readState(database: DatabaseSync): WalkState {
  const row = hasWalkTable(database) ? database.prepare("SELECT walk, after, done FROM sweep").get() : undefined;
  if (row === undefined) return noWalk;
  const { walk, after, done } = row;
  return { name: String(walk), after: String(after), doneAt: typeof done === "number" ? done : undefined };
}
