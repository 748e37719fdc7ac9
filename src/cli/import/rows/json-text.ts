/** Parts of JSON text as they were written, of text that JSON.parse has read: with each digit, each repeated name. */
import type { JsonValue } from "@bufbuild/protobuf";
import { formatPath } from "../../../users/field-path.ts";

/** A member of an object: its name, and the text of its value. */
export type Member = readonly [name: string, value: string];

/** The members of the object that the text is, in its order. */
export function membersOf(text: string): Member[] {
  return partsOf(text).map((part) => {
    const end = stringEnd(part, 0);
    return [String(JSON.parse(part.slice(0, end))), part.slice(part.indexOf(":", end) + 1).trim()];
  });
}

/** The text of an object with these members. */
export function objectText(members: readonly Member[]): string {
  return `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}`;
}

/** The value that JSON.parse gives to a name: the last one. */
export function memberOf(text: string, wanted: string): string | undefined {
  return membersOf(text).findLast(([name]) => name === wanted)?.[1];
}

/** The texts of what is between the commas of an object or a list. */
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

/** JSON text without line ends: between the parts of a value they mean nothing, and in a string there are none. */
export function onOneLine(text: string): string {
  return /[\r\n]/.test(text) ? text.replace(/[\r\n]/g, " ") : text;
}

/** Where the string ends that begins at a quote: behind its other quote. */
function stringEnd(text: string, from: number): number {
  let at = from + 1;
  while (text[at] !== '"' && at < text.length) at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

/** The value's depth up to which names are counted: the server takes less. */
const maxCountedDepth = 32;
const quoteCode = 0x22;
const spaceCode = 0x20;

/**
 * The path of the first name that is repeated in an object. JSON.parse keeps the last of its values only.
 *
 * @param value what JSON.parse made of the text
 */
export function repeatedName(text: string, value: JsonValue): string | undefined {
  return countNames(text) === countMembers(value, 0) ? undefined : findRepeatedName(text);
}

/**
 * How often a colon stands behind a quote: once for each name, and in some strings. NaN where a space is before a colon,
 * as there may be behind a name. Takes a fraction of the time that it takes to tell names from strings.
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

/** NaN where the value is too deep. */
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

/** An object or a list whose end has not come. */
interface Open {
  /** Undefined in a list. */
  readonly names: Set<string> | undefined;
  /** Of what is being read. */
  step: string | number;
  expectsName: boolean;
}

/** Without recursion: a text may be nested deeper than the stack is. */
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
