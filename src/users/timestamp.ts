/** A google.protobuf.Timestamp as it came over the wire. */
export interface TimestampInput {
  readonly seconds: bigint;
  readonly nanos: number;
}

/** The end of the year 9999: https://protobuf.dev/reference/protobuf/google.protobuf/#timestamp */
const endOfTimestamps = 253_402_300_800n;

/** @returns whole microseconds since 1970; or what is wrong, for people */
export function readTimestamp({ seconds, nanos }: TimestampInput): number | string {
  if (nanos < 0 || nanos > 999_999_999 || seconds >= endOfTimestamps) return "is not a valid Timestamp";
  if (seconds < 0n) return "is before 1970";
  return Math.min(Number(seconds) * 1_000_000 + Math.floor(nanos / 1_000), Number.MAX_SAFE_INTEGER);
}
