/** What a fault load writes of a user: the values of each version, and those that it is found by. */
import type { JsonObject } from "@bufbuild/protobuf";

/** What a write does to a user. */
interface Edits {
  readonly properties: JsonObject;
  readonly unset: string[];
}

export type EditsOf = (id: string, version: number) => Edits;

/** What a store has that the users of a load are found in. */
export const loadIndexes = "email:fold,plan";

/** Text, a number, and none. The last versions of one pass after another have one after another. */
const plans = ["free", "pro", undefined, 7] as const;

export const plainEdits: EditsOf = (_id, version) => ({
  properties: { name: "Ada", email: "ada@example.com", version },
  unset: [],
});

/** Each version has another email and another plan than the one before. */
export const indexedEdits: EditsOf = (id, version) => {
  const email = emailOf(id, version);
  const properties = { name: "Ada", email: version % 2 === 0 ? email : email.toUpperCase(), version };
  const plan = planOf(version);
  return plan === undefined ? { properties, unset: ["plan"] } : { properties: { ...properties, plan }, unset: [] };
};

/** As it is folded: nobody else has it, and no other version. */
export function emailOf(id: string, version: number): string {
  return `${id}.${version}@example.com`;
}

/** Undefined if the version has none. */
export function planOf(version: number): (typeof plans)[number] {
  return plans[version % plans.length];
}
