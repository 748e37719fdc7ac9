/**
 * Writes to standard output and standard error. Only the data of an export and the progress bar go elsewhere. Text may come from
 * users, files and servers, so that invisible characters are escaped.
 */
import { once } from "node:events";
import { stderr, stdout } from "node:process";
import { printable, printableJson, printableLines } from "../config/invisible.ts";

const csi = "\u001b\\[";
/** The codes that `styleText` of `node:util` puts around text. */
const style = new RegExp(`(${csi}[\\d;]*m)`);

/** Prints lines on standard output, and waits for a slow reader. */
export function print(...lines: readonly string[]): Promise<void> {
  return write(lines.map((line) => `${printable(line)}\n`).join(""));
}

/** Prints styled lines, whose foreign text is `printable` already. */
export function printStyled(...lines: readonly string[]): Promise<void> {
  return write(lines.map((line) => `${printableBesideStyles(line)}\n`).join(""));
}

/** Prints JSON on standard output, the same for terminals, files and pipes, and waits for a slow reader. */
export function printJson(json: string): Promise<void> {
  return write(`${printableJson(json)}\n`);
}

/** Prints lines on standard error. */
export function say(...lines: readonly string[]): void {
  for (const line of lines) stderr.write(`${printable(line)}\n`);
}

/** Prints text of several lines, such as help, on either stream. */
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
