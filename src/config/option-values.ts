/** Values of options. Each function parses a text, or throws an Error that says what is expected. */
import { availableParallelism } from "node:os";
import { type IndexedProperty, parseIndexedProperties } from "../users/indexes/indexed-property.ts";
import { limits } from "../users/limits.ts";

const maxWorkers = 256;

export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

export function parseNames(text: string): readonly string[] {
  if (text === "") return [];
  const names = text.split(",").map((name) => name.trim());
  for (const name of names) {
    const bytes = Buffer.byteLength(name);
    if (bytes === 0 || bytes > limits.maxPropertyNameBytes) {
      throw new Error(`Expected names of 1 to ${limits.maxPropertyNameBytes} bytes, separated by commas.`);
    }
  }
  return [...new Set(names)];
}

/** Such as `email:fold,phone`. */
export function parseIndexes(text: string): readonly IndexedProperty[] {
  let indexed: readonly IndexedProperty[];
  try {
    indexed = parseIndexedProperties(text);
  } catch (error) {
    throw new Error(`It ${error instanceof Error ? error.message : error}.`);
  }
  if (indexed.length === 0) throw new Error("It is empty: leave the option out.");
  return indexed;
}

export function parseKeyPrefix(text: string): string {
  if (!/^[^\s{}\p{Cc}]{0,64}$/u.test(text)) {
    throw new Error("Expected up to 64 characters, none of them a brace, a space or a control character.");
  }
  return text;
}

export function parseReplicas(text: string): number {
  if (!/^\d{1,2}$/.test(text)) throw new Error("Expected a number of replicas from 0 to 99.");
  return Number(text);
}

export function parseWorkers(text: string): number {
  const count = text === "auto" ? availableParallelism() : Number(text);
  if (!/^(auto|\d{1,3})$/.test(text) || count < 1 || count > maxWorkers) {
    throw new Error(`Expected a number of processes from 1 to ${maxWorkers}, or auto.`);
  }
  return count;
}

export function parseCount(text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new Error("Expected a number from 1 to 9999999.");
  return Number(text);
}

export function parseShare(text: string): number {
  const share = Number(text);
  if (text === "" || !(share >= 0 && share <= 1)) throw new Error("Expected a number from 0 to 1.");
  return share;
}

export function parseYesOrNo(text: string): boolean {
  if (!/^(yes|no|true|false|1|0)$/i.test(text)) throw new Error("Expected yes or no.");
  return /^(yes|true|1)$/i.test(text);
}

export function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (text.trim() === "" || !(seconds >= 0 && seconds <= 86_400)) {
    throw new Error("Expected a number of seconds from 0 to 86400.");
  }
  return seconds;
}

export function parseServer(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["http:", "https:"].includes(url.protocol)) {
    throw new Error("Expected a URL, as in http://127.0.0.1:50051.");
  }
  return text.replace(/\/+$/, "");
}
