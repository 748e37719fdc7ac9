/** Parts of JSON text exactly as written, with every digit and repeated name. JSON.parse has accepted the text. */
import type { JsonValue } from "@bufbuild/protobuf";
import { formatPath } from "../../../users/field-path.ts";

/** A member of an object, with its value as text. */
export type Member = readonly [name: string, value: string];

/** The members of an object, in order. */
export function membersOf(text: string): Member[] {
  return partsOf(text).map((part) => {
    const end = stringEnd(part, 0);
    return [String(JSON.parse(part.slice(0, end))), part.slice(part.indexOf(":", end) + 1).trim()];
  });
}

/** Writes an object. */
export function objectText(members: readonly Member[]): string {
  return `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}`;
}

/** The last value of a name, which is the one that JSON.parse takes. */
export function memberOf(text: string, wanted: string): string | undefined {
  return membersOf(text).findLast(([name]) => name === wanted)?.[1];
}

/** The members of an object, or the items of a list, as text. */
export function partsOf(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  const take = (to: number) => {
    const part = text.slice(from, to).trim();
    if (part !== "") parts.push(part);
  };
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"') at = stringEnd(text, at) - 1;
    else if (character === "{" || character === "[") {
      if (depth++ === 0) from = at + 1;
    } else if (character === "}" || character === "]") {
      if (--depth === 0) take(at);
    } else if (character === "," && depth === 1) {
      take(at);
      from = at + 1;
    }
  }
  return parts;
}

/** JSON of the same value without line ends. A string has none in it. */
export function onOneLine(text: string): string {
  return /[\r\n]/.test(text) ? text.replace(/[\r\n]/g, " ") : text;
}

/** Where the string that begins at `from` ends, after its closing quote. */
function stringEnd(text: string, from: number): number {
  let at = from + 1;
  while (text[at] !== '"' && at < text.length) at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

/** Names are counted down to this depth. The server takes less. */
const maxCountedDepth = 32;
const quoteCode = 0x22;
const spaceCode = 0x20;

/**
 * The path of the first repeated name in an object. JSON.parse keeps only the last of its values.
 *
 * @param value the text as JSON.parse reads it
 */
export function repeatedName(text: string, value: JsonValue): string | undefined {
  return countNames(text) === countMembers(value, 0) ? undefined : findRepeatedName(text);
}

/**
 * Counts colons after a quote: one per name, and some in strings. NaN if a space precedes a colon, which may follow a name. This
 * takes a fraction of the time of telling names from strings.
 */
function countNames(text: string): number {
  let count = 0;
  for (let at = text.indexOf(":"); at !== -1; at = text.indexOf(":", at + 1)) {
    const before = text.charCodeAt(at - 1);
    if (before === quoteCode) count++;
    else if (before <= spaceCode) return Number.NaN;
  }
  return count;
}

/** NaN if the value is too deep. */
function countMembers(value: JsonValue, depth: number): number {
  if (typeof value !== "object" || value === null) return 0;
  if (depth > maxCountedDepth) return Number.NaN;
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === "object") count += countMembers(item, depth + 1);
    return count;
  }
  for (const name in value) {
    count++;
    const part = value[name];
    if (typeof part === "object") count += countMembers(part, depth + 1);
  }
  return count;
}

/** An object or a list that has not ended yet. */
interface Open {
  /** Undefined in a list. */
  readonly names: Set<string> | undefined;
  /** The name or the index of the part being read. */
  step: string | number;
  expectsName: boolean;
}

/** Without recursion, because a text may be nested deeper than the stack allows. */
function findRepeatedName(text: string): string | undefined {
  const open: Open[] = [];
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    const inner = open.at(-1);
    if (character === '"') {
      const end = stringEnd(text, at);
      if (inner?.names !== undefined && inner.expectsName) {
        inner.step = String(JSON.parse(text.slice(at, end)));
        inner.expectsName = false;
        if (inner.names.has(inner.step)) {
          const path = open.map(({ step }) => (typeof step === "string" ? step.toWellFormed() : step));
          return formatPath("", path).replace(/^\./, "");
        }
        inner.names.add(inner.step);
      }
      at = end - 1;
    } else if (character === "{") open.push({ names: new Set(), step: "", expectsName: true });
    else if (character === "[") open.push({ names: undefined, step: 0, expectsName: false });
    else if (character === "}" || character === "]") open.pop();
    else if (character === "," && inner !== undefined) {
      if (typeof inner.step === "number") inner.step++;
      else inner.expectsName = true;
    }
  }
  return undefined;
}
