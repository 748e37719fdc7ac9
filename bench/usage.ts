/** What is wrong with how a bench was called: told without a stack. */
export class UsageError extends Error {}

/** Reads an option's value as a whole number. */
export function wholeNumber(option: string, text: string, least = 1): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least) return value;
  throw new UsageError(`--${option}: expected a whole number from ${least} on, not ${text}`);
}
