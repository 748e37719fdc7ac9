/** Structs: scanning, sorting, decoding and merging. */
import { deepStrictEqual } from "node:assert";
import { Invalid } from "../../src/users/parsed.ts";
import { DecodeBudget } from "../../src/users/struct/decode.ts";
import { propertiesLimits } from "../../src/users/struct/format.ts";
import { normalizeStruct } from "../../src/users/struct/normalize.ts";
import { sortNames } from "../../src/users/struct/sort.ts";
import { identifyTemplate, numberedTemplate } from "../load/requests.ts";
import type { Ways } from "./measure.ts";
import { reencodeStruct, sortWithArray } from "./plain/struct.ts";
import { canonicalOf, count, messages, propertiesIn, unusual, users } from "./samples.ts";

export function structWays(): Ways[] {
  const structs = messages(identifyTemplate()).map(propertiesIn);
  const canonical = structs.map(canonicalOf);
  deepStrictEqual(canonical.map(copied), structs.map(reencodeStruct));
  const batch = { units: count, call: "BatchIdentify", against: "protobuf-es: decode, sort, encode" } as const;
  const guards = "checks the contract's limits";
  return [
    {
      ...batch,
      part: "Struct scan and sort, names out of order (`users/struct/scan`, `sort`)",
      ours: () => structs.map(canonicalOf),
      plain: () => structs.map(reencodeStruct),
      guards,
    },
    {
      ...batch,
      part: "Struct scan, names in order (`users/struct/scan`)",
      ours: () => canonical.map(canonicalOf),
      plain: () => canonical.map(reencodeStruct),
      guards,
    },
    ...[8, 64, 512].map(sortWays),
    {
      ...batch,
      part: "Struct decoding, for unusual encodings (`users/struct/decode`, `normalize`)",
      ours: () => structs.map(normalized),
      plain: () => structs.map(reencodeStruct),
      guards: "bounds a request's memory; names the path of each violation",
    },
  ];
}

/** @param names how many properties a user has */
function sortWays(names: number): Ways {
  const some = users.slice(0, Math.ceil(4_000 / names));
  const template = names === 8 ? identifyTemplate() : numberedTemplate(names);
  const structs = messages(template, some).map(propertiesIn);
  deepStrictEqual(structs.map(sortNames).map(copied), structs.map(sortWithArray).map(copied));
  return {
    part: `Sorting ${names} names (\`users/struct/sort\`)`,
    against: "`Array.sort` of an object for each entry",
    call: names === 8 ? "BatchIdentify" : `BatchIdentify, ${names} properties`,
    units: structs.length,
    ours: () => structs.map(sortNames),
    plain: () => structs.map(sortWithArray),
  };
}

function normalized(struct: Uint8Array): Uint8Array {
  const result = normalizeStruct(struct, "properties", propertiesLimits, new DecodeBudget());
  return result instanceof Invalid ? unusual() : result;
}

/** To compare contents: views differ in their class. */
function copied(bytes: Uint8Array | undefined): Uint8Array {
  return new Uint8Array(bytes ?? unusual());
}
