import { parseArgs } from "node:util";

/** What is wrong with how a bench was called: told without a stack. */
export class UsageError extends Error {}

/** Reads an option's value as a whole number. */
export function wholeNumber(option: string, text: string, least = 1): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least) return value;
  throw new UsageError(`--${option}: expected a whole number from ${least} on, not ${text}`);
}

/** The options of a bench that compares contestants in turn. @param quickRuns how many runs `--quick` makes */
export function comparisonOptions(quickRuns: number) {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      runs: { type: "string", default: "" },
      json: { type: "string" },
    },
  });
  const { quick, json } = values;
  return { quick, json, runs: wholeNumber("runs", values.runs || String(quick ? quickRuns : 5)) };
}
