import type { Violation } from "./errors.ts";
import { limits } from "./limits.ts";
import { Invalid, type Parsed } from "./parsed.ts";
import type { CanonicalStruct } from "./struct/format.ts";

/** A google.protobuf.Timestamp as it came over the wire. */
export interface TimestampInput {
  readonly seconds: bigint;
  readonly nanos: number;
}

/** The end of the year 9999: https://protobuf.dev/reference/protobuf/google.protobuf/#timestamp */
const endOfTimestamps = 253_402_300_800n;

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
  const { seconds, nanos } = input;
  if (nanos < 0 || nanos > 999_999_999 || seconds >= endOfTimestamps) return invalid("is not a valid Timestamp");
  if (seconds < 0n) return invalid("is before 1970");
  if (!(setOnce instanceof Invalid) && setOnce.length > 0) return invalid("cannot be sent together with set_once");
  const micros = Number(seconds) * 1_000_000 + Math.floor(nanos / 1_000);
  return Math.min(micros, Number.MAX_SAFE_INTEGER);
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
