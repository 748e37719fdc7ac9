/** The report of all languages and suites. */
import type { Setting, Trial } from "./hold-client.ts";
import type { Language } from "./languages.ts";
import type { SuiteOutcome } from "./suites.ts";

/** The result of a language: why its client could not run, or its trials. */
export type Outcome = { readonly language: Language } & (
  | { readonly broken: string }
  | { readonly trials: readonly Trial[] }
);

/**
 * A row for each language: whether its first call succeeded, the passed steps in each setting, the reported mismatches, and
 * whether its example ran.
 */
export function table(outcomes: readonly Outcome[], settings: readonly Setting[]): string {
  const titles = [
    "client",
    "first call",
    ...settings.map(({ name }) => `steps on ${name}`),
    "mismatches found",
    "example",
    "",
  ];
  const rule = ["---", "---", ...settings.map(() => "--:"), "--:", "---", "---"];
  return rows([titles, rule, ...outcomes.map((outcome) => row(outcome, settings))]);
}

/** A row for each suite, with the number of its passed cases. */
export function suiteTable(outcomes: readonly SuiteOutcome[]): string {
  const rule = ["---", "--:", "---"];
  const cells = outcomes.map((outcome) =>
    "failure" in outcome ? [outcome.suite.name, "", "failed"] : [outcome.suite.name, `${outcome.passed}`, "passed"],
  );
  return rows([["suite", "cases passed", ""], rule, ...cells]);
}

function rows(lines: readonly (readonly string[])[]): string {
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function row(outcome: Outcome, settings: readonly Setting[]): readonly string[] {
  const { name } = outcome.language;
  if ("broken" in outcome) return [name, "", ...settings.map(() => ""), "", "", "failed"];
  const of = (kind: Trial["kind"]) => outcome.trials.filter((trial) => trial.kind === kind);
  const steps = settings.map(({ name }) => passedOfAll(of("step").filter(({ setting }) => setting === name)));
  const runs = (kind: Trial["kind"]) => (of(kind).every(({ why }) => why === undefined) ? "runs" : "fails");
  const verdict = failuresOf(outcome).length === 0 ? "passed" : "failed";
  return [name, runs("firstCall"), ...steps, passedOfAll(of("mismatch")), runs("example"), verdict];
}

function passedOfAll(trials: readonly Trial[]): string {
  return `${trials.filter(({ why }) => why === undefined).length} of ${trials.length}`;
}

/** A sentence for each failure. */
export function failuresOf(outcome: Outcome): readonly string[] {
  const { name } = outcome.language;
  if ("broken" in outcome) return [`${name}: ${outcome.broken}`];
  return outcome.trials.flatMap(({ what, setting, why }) =>
    why === undefined ? [] : [`${name}, ${setting}, ${what}: ${why}`],
  );
}

export function passedOf(outcome: Outcome): number {
  return "broken" in outcome ? 0 : outcome.trials.filter(({ why }) => why === undefined).length;
}
