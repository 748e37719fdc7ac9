/** Lists of property names in requests: `only_properties`, `unset`. */
import { isUtf8 } from "node:buffer";
import { limitExceeded, type Violation } from "./errors.ts";
import { formatPath } from "./field-path.ts";
import { limits } from "./limits.ts";
import { Invalid, type Parsed } from "./parsed.ts";

/**
 * Checks a list of names as they came over the wire.
 *
 * @param field the request's field that holds them
 */
export function parseNames(names: readonly Uint8Array[], field: string): Parsed<readonly Uint8Array[]> {
  if (names.length === 0) return names;
  if (names.length > limits.maxProperties) {
    return new Invalid(limitExceeded(field, "maxProperties", names.length, "names"));
  }
  const violations = names.flatMap((name, index): Violation[] => {
    const path = formatPath(field, [index]);
    const invalid = (description: string): Violation[] => [{ field: path, reason: "INVALID_PROPERTY", description }];
    if (name.length === 0) return invalid("the name is empty");
    if (name.length > limits.maxPropertyNameBytes) {
      return [limitExceeded(path, "maxPropertyNameBytes", name.length, "bytes")];
    }
    return isUtf8(name) ? [] : invalid("the name is not valid UTF-8");
  });
  return violations.length > 0 ? new Invalid(...violations) : names;
}

/** Sorts names by their bytes, and removes repeated ones. */
export function sortedNames(names: readonly Uint8Array[]): readonly Uint8Array[] {
  if (names.length === 0) return names;
  const sorted = [...names].sort(Buffer.compare);
  return sorted.filter((name, index) => {
    const before = sorted[index - 1];
    return before === undefined || Buffer.compare(before, name) !== 0;
  });
}
