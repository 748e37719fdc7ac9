/** The summary of an import, for people and for programs. */
import type { Progress } from "./journal.ts";

export interface ImportSummary {
  /** Users and invalid rows of the source, in this run and those that it resumed. */
  readonly users: number;
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  /** Created, updated or unchanged. A caller without the scope `users.read` is told no more. */
  readonly applied: number;
  readonly failed: number;
  /** Events that say nothing about who a user is. */
  readonly passed_over: number;
  /** Users whose preferences were not imported. */
  readonly with_preferences: number;
  /** In this run, like the rate. */
  readonly seconds: number;
  readonly users_per_second: number;
  /** The file of the rows that failed. */
  readonly rejected?: string;
}

/** @param from progress of the runs before */
export function summarize(
  { counts, invalid, passedOver, withPreferences }: Progress,
  from: Progress | undefined,
  seconds: number,
  rejected: string | undefined,
): ImportSummary {
  const { created, updated, unchanged, applied } = counts;
  const failed = counts.failed + invalid;
  const users = created + updated + unchanged + applied + failed;
  const before = from === undefined ? 0 : from.answered + from.invalid;
  return {
    users,
    created,
    updated,
    unchanged,
    applied,
    failed,
    passed_over: passedOver,
    with_preferences: withPreferences,
    seconds: Math.round(seconds * 10) / 10,
    users_per_second: Math.round((users - before) / seconds),
    ...(failed > 0 && rejected !== undefined && { rejected }),
  };
}

/** Counts so far: `3 created, 1 failed`. */
export function describeCounts({ counts, invalid }: Progress): string {
  const all = Object.entries({ ...outcomesTold(counts), failed: counts.failed + invalid });
  return all.map(([what, count]) => `${count} ${what}`).join(", ");
}

type Outcomes = Pick<ImportSummary, "created" | "updated" | "unchanged" | "applied">;

/** The counts that the server has distinguished. */
function outcomesTold({ created, updated, unchanged, applied }: Outcomes): Partial<Outcomes> {
  if (applied === 0) return { created, updated, unchanged };
  return created + updated + unchanged === 0 ? { applied } : { created, updated, unchanged, applied };
}

/** One line per figure, then notes. */
export function summaryTable(summary: ImportSummary): readonly string[] {
  const { users, failed, passed_over, with_preferences, rejected } = summary;
  const rows = Object.entries({ users, ...outcomesTold(summary), failed });
  const columns = String(users).length;
  const table = rows.map(([what, count]) => `${what.padEnd(9)}  ${String(count).padStart(columns)}`);
  table.push(`${"time".padEnd(9)}  ${summary.seconds} s, ${summary.users_per_second} users/s`);
  if (rejected !== undefined) table.push(`The ${failed} that failed are in ${rejected}.`);
  if (passed_over > 0) table.push(`${passed_over} events that are not about who a user is were passed over.`);
  if (with_preferences > 0) {
    table.push(
      `${with_preferences} users have preferences in the file, which were not imported: rollcall set-preferences writes them.`,
    );
  }
  return table;
}
