/** Sets of writes that carry the time of their observation, and what any order of them must come to. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import fc from "fast-check";
import { valueBytes } from "./struct.ts";

export interface ObservedWrite {
  /** Always with a `name`, so that it may create the user. */
  readonly set: JsonObject;
  readonly unset: readonly string[];
  /** Microseconds since 1970. */
  readonly observedAt: number;
}

// Few names, values and times, so that they meet.
const value = fc.constantFrom<JsonValue[]>(...[null, false, 0, 1, "", "a", "b", "aa", [], [1], {}, { x: { y: 1 } }]);
const write: fc.Arbitrary<ObservedWrite> = fc
  .record({
    name: fc.constantFrom("Ada", "Bea"),
    edits: fc.dictionary(fc.constantFrom("p", "q", "r", "__proto__"), fc.option(value, { nil: undefined })),
    observedAt: fc.constantFrom(1_000_001, 1_000_002, 1_000_003),
  })
  .map(({ name, edits, observedAt }) => {
    const sets = Object.entries(edits).filter((edit): edit is [string, JsonValue] => edit[1] !== undefined);
    const unset = Object.keys(edits).filter((key) => edits[key] === undefined);
    return { set: Object.fromEntries([["name", name], ...sets]), unset, observedAt };
  });

const times = (length: number) => fc.array(write, { minLength: length, maxLength: length });

/** Two to five writes; five are rare, for they have 120 orders. */
export const observedWrites = fc.oneof(
  { weight: 2, arbitrary: times(2) },
  { weight: 3, arbitrary: times(3) },
  { weight: 4, arbitrary: times(4) },
  { weight: 1, arbitrary: times(5) },
);

/** The properties that the writes come to: of each, what was observed last; at equal times, the greatest value. */
export function outcomeOf(writes: readonly ObservedWrite[]): JsonObject {
  const winners = new Map<string, { at: number; value: JsonValue | undefined }>();
  const bytes = (of: JsonValue | undefined) => (of === undefined ? "" : valueBytes(of));
  for (const { set, unset, observedAt: at } of writes) {
    for (const [name, value] of [...Object.entries(set), ...unset.map((name) => [name, undefined] as const)]) {
      const best = winners.get(name);
      if (best === undefined || at > best.at || (at === best.at && bytes(value) > bytes(best.value))) {
        winners.set(name, { at, value });
      }
    }
  }
  const entries = [...winners].map(([name, winner]) => [name, winner.value]);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

export function permutations<Item>(items: readonly Item[]): Item[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((item, index) =>
    permutations([...items.slice(0, index), ...items.slice(index + 1)]).map((rest) => [item, ...rest]),
  );
}
