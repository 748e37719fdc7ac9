/** What searches answer, by a filter over all users. It is a part of the model (model.ts). */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { foldedForm } from "./folded-texts.ts";
import { valueBytes } from "./struct.ts";

export interface ModelIndex {
  readonly property: string;
  readonly folded: boolean;
  /** Whether it holds the users who were there before it. */
  readonly isReady: boolean;
}

export interface ModelMatch {
  readonly property: string;
  readonly condition: { readonly equals: JsonValue } | { readonly startsWith: string } | { readonly present: boolean };
}

/** Ids in the order of the answer. */
export type ModelFound = { readonly refused: string } | { readonly ids: readonly string[] };

interface Searched {
  readonly properties: JsonObject;
}

type Indexed = boolean | number | string;

const maxBytes = 256;
const bytesOrder = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

export function findUsers(
  users: ReadonlyMap<string, Searched>,
  indexes: readonly ModelIndex[],
  { property, condition }: ModelMatch,
): ModelFound {
  if ("present" in condition && !condition.present) return { refused: "INVALID_MATCH" };
  if ("startsWith" in condition && [...condition.startsWith].length < 2) return { refused: "INVALID_MATCH" };
  if ("equals" in condition && isOther(condition.equals)) return { refused: "INVALID_MATCH" };
  const index = indexes.find((each) => each.property === property);
  if (index === undefined) return { refused: "PROPERTY_NOT_INDEXED" };
  const sought = "equals" in condition ? condition.equals : "startsWith" in condition ? condition.startsWith : true;
  const wanted = indexedForm(sought, index.folded);
  if (wanted === undefined) return { refused: "INVALID_MATCH" };
  if (!index.isReady) return { refused: "INDEX_NOT_READY" };

  const found: { readonly id: string; readonly value: Indexed }[] = [];
  for (const [id, { properties }] of users) {
    const stored = Object.hasOwn(properties, property) ? properties[property] : undefined;
    const value = stored === undefined ? undefined : indexedForm(stored, index.folded);
    if (value === undefined) continue;
    const begins = "startsWith" in condition && typeof value === "string" && value.startsWith(String(wanted));
    if ("present" in condition || begins || ("equals" in condition && value === wanted)) found.push({ id, value });
  }
  return { ids: found.sort((a, b) => order(a.value, b.value) || bytesOrder(a.id, b.id)).map(({ id }) => id) };
}

/** Ids of the users who have all these properties, in any order. */
export function scanUsers(users: ReadonlyMap<string, Searched>, wanted: JsonObject): string[] {
  const all = [...users].filter(([, { properties }]) =>
    Object.entries(wanted).every(
      ([name, value]) =>
        Object.hasOwn(properties, name) && scannedForm(properties[name] ?? null) === scannedForm(value),
    ),
  );
  return all.map(([id]) => id);
}

/** JSON's text makes 0 of -0, which are equal. */
function scannedForm(value: JsonValue): string {
  return valueBytes(JSON.parse(JSON.stringify(value)));
}

/** What an index compares; undefined for what none holds. */
function indexedForm(value: JsonValue, folded: boolean): Indexed | undefined {
  if (typeof value === "boolean") return value;
  if (typeof value === "number") return value;
  if (typeof value !== "string") return undefined;
  const text = folded ? foldedForm(value) : value;
  return Buffer.byteLength(text) > maxBytes ? undefined : text;
}

function isOther(value: JsonValue): boolean {
  return typeof value === "object";
}

const kinds = ["boolean", "number", "string"];

function order(a: Indexed, b: Indexed): number {
  if (typeof a === "string" && typeof b === "string") return bytesOrder(a, b);
  return kinds.indexOf(typeof a) - kinds.indexOf(typeof b) || Number(a) - Number(b);
}
