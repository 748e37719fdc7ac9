/** What is told of all languages in the end. */
import { type StoreName, storeNames, type Trial } from "./hold-client.ts";
import type { Language } from "./languages.ts";

/** What a language has come to: why its client could not be tried, or what was tried. */
export type Outcome = { readonly language: Language } & (
  | { readonly broken: string }
  | { readonly trials: readonly Trial[] }
);

/** A row for each language: how many steps it has passed of how many on each store, and whether its example has run. */
export function table(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map((outcome) => {
    if ("broken" in outcome) return [outcome.language.name, ...storeNames.map(() => ""), "", "failed"];
    const { language, trials } = outcome;
    return [language.name, ...storeNames.map((store) => steps(trials, store)), examples(trials), verdict(outcome)];
  });
  const titles = ["client", ...storeNames.map((store) => `steps on ${store}`), "example", ""];
  const rule = ["---", ...storeNames.map(() => "--:"), "---", "---"];
  return [titles, rule, ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function steps(trials: readonly Trial[], store: StoreName): string {
  const here = trials.filter((trial) => trial.kind === "step" && trial.store === store);
  return `${here.filter(({ why }) => why === undefined).length} of ${here.length}`;
}

function examples(trials: readonly Trial[]): string {
  return trials.every(({ kind, why }) => kind !== "example" || why === undefined) ? "runs" : "fails";
}

function verdict(outcome: Outcome): string {
  return failuresOf(outcome).length === 0 ? "passed" : "failed";
}

/** Each thing that went wrong, in words. */
export function failuresOf(outcome: Outcome): readonly string[] {
  const { name } = outcome.language;
  if ("broken" in outcome) return [`${name}: ${outcome.broken}`];
  return outcome.trials.flatMap(({ what, store, why }) =>
    why === undefined ? [] : [`${name}, ${store}, ${what}: ${why}`],
  );
}

export function passedOf(outcome: Outcome): number {
  return "broken" in outcome ? 0 : outcome.trials.filter(({ why }) => why === undefined).length;
}
