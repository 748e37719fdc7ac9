/**
 * Where commands print: the only place that writes to standard output and standard error, but for the data of an export and the
 * bar of its progress. What is printed may come from users, files and servers: no invisible character of it is written as it is.
 */
import { once } from "node:events";
import { stderr, stdout } from "node:process";
import { printable, printableJson, printableLines } from "../config/invisible.ts";

const csi = "\u001b\\[";
/** What `styleText` of `node:util` puts around text. */
const style = new RegExp(`(${csi}[\\d;]*m)`);

/** Prints lines on standard output, and waits where their reader is slow. */
export function print(...lines: readonly string[]): Promise<void> {
  return write(lines.map((line) => `${printable(line)}\n`).join(""));
}

/** Prints lines that are styled, of which everything that is foreign is `printable` already. */
export function printStyled(...lines: readonly string[]): Promise<void> {
  return write(lines.map((line) => `${printableBesideStyles(line)}\n`).join(""));
}

/** Prints JSON on standard output, the same for a terminal, a file and a pipe, and waits where its reader is slow. */
export function printJson(json: string): Promise<void> {
  return write(`${printableJson(json)}\n`);
}

/** Prints lines on standard error. */
export function say(...lines: readonly string[]): void {
  for (const line of lines) stderr.write(`${printable(line)}\n`);
}

/** Prints text of several lines, as help, on one of both. */
export function printText(stream: NodeJS.WritableStream, text: string): void {
  stream.write(printableLines(text));
}

function printableBesideStyles(line: string): string {
  const parts = line.split(style);
  return parts.map((part, at) => (at % 2 === 0 ? printable(part) : part)).join("");
}

async function write(text: string): Promise<void> {
  if (!stdout.write(text)) await once(stdout, "drain");
}
