import type { Violation } from "./errors.ts";
import { limits } from "./limits.ts";
import { Invalid, type Parsed } from "./parsed.ts";
import type { CanonicalStruct } from "./struct/format.ts";
import { readTimestamp, type TimestampInput } from "./timestamp.ts";

/**
 * Checks a time of observation, except for how far it is ahead: only the store knows its clock.
 *
 * @param setOnce the request's properties to set once: they cannot be observed
 * @returns microseconds since 1970; undefined if the request has no time
 */
export function parseObservedAt(
  input: TimestampInput | undefined,
  setOnce: Parsed<CanonicalStruct>,
): Parsed<number | undefined> {
  if (input === undefined) return undefined;
  const micros = readTimestamp(input);
  if (typeof micros === "string") return invalid(micros);
  return setOnce instanceof Invalid || setOnce.length === 0 ? micros : invalid("cannot be sent together with set_once");
}

export function observedTooFarAhead(): Violation {
  const description = `is more than ${limits.maxObservedAheadSeconds} seconds ahead of the store's clock`;
  return { ...invalidObservedAt(description), limit: "maxObservedAheadSeconds" };
}

function invalid(description: string): Invalid {
  return new Invalid(invalidObservedAt(description));
}

export function invalidObservedAt(description: string): Violation {
  return { field: "observed_at", reason: "INVALID_OBSERVED_AT", description };
}
