import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";

/** Reads RFC 3339. @returns undefined if it is no time, or its date does not exist */
export function timeOf(value: JsonValue): Timestamp | undefined {
  try {
    const time = fromJson(TimestampSchema, value);
    return dateExists(String(value)) ? time : undefined;
  } catch {
    return undefined;
  }
}

/** protobuf-es takes 30 February for 2 March. */
function dateExists(time: string): boolean {
  const midnight = new Date(`${time.slice(0, 10)}T00:00:00Z`);
  return midnight.getUTCDate() === Number(time.slice(8, 10));
}
