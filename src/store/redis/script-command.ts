import { Command } from "ioredis";
import type { ScriptArgument, ScriptCall } from "./script.ts";

/**
 * EVALSHA, or EVAL, of a script call. ioredis writes the arguments of a command one by one, which takes as long as what
 * the script's users need besides; here they become one text, and the bytes among them one piece each. Its errors name
 * no arguments.
 */
export class ScriptCommand extends Command {
  readonly #encoded: Buffer;

  /** @param last arguments after the call's own */
  constructor({ script, keys, args }: ScriptCall, bySource: boolean, last: readonly ScriptArgument[]) {
    super(bySource ? "EVAL" : "EVALSHA", []);
    const words = [this.name, bySource ? script.source : script.sha, keys.length, ...keys, ...args, ...last];
    this.#encoded = encodeWords(words);
  }

  override toWritable(): Buffer {
    return this.#encoded;
  }
}

const star = 0x2a;
const dollar = 0x24;
const zero = 0x30;
const carriageReturn = 0x0d;
const lineFeed = 0x0a;
const lineEndBytes = 2;

/** As an array of bulk strings: https://redis.io/docs/latest/develop/reference/protocol-spec/ */
function encodeWords(words: readonly ScriptArgument[]): Buffer {
  let size = sizeOfHead(words.length);
  const texts = words.map((word) => (typeof word === "number" ? String(word) : word));
  const lengths = texts.map((text) => (typeof text === "string" ? Buffer.byteLength(text) : text.length));
  for (const length of lengths) size += sizeOfHead(length) + length + lineEndBytes;
  const encoded = Buffer.allocUnsafe(size);
  let at = writeHead(encoded, star, words.length, 0);
  for (let index = 0; index < texts.length; index++) {
    const text = texts[index] ?? "";
    const length = lengths[index] ?? 0;
    at = writeHead(encoded, dollar, length, at);
    if (typeof text !== "string") encoded.set(text, at);
    else if (text.length === length) writeAscii(encoded, text, at);
    else encoded.write(text, at);
    at = writeLineEnd(encoded, at + length);
  }
  return encoded;
}

/** Of a sign, a number and the end of the line. */
function sizeOfHead(value: number): number {
  let digits = 1;
  for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) digits++;
  return 1 + digits + lineEndBytes;
}

function writeHead(bytes: Buffer, sign: number, value: number, at: number): number {
  const end = at + sizeOfHead(value) - lineEndBytes;
  bytes[at] = sign;
  let rest = value;
  for (let place = end - 1; place > at; place--) {
    bytes[place] = zero + (rest % 10);
    rest = Math.floor(rest / 10);
  }
  return writeLineEnd(bytes, end);
}

function writeLineEnd(bytes: Buffer, at: number): number {
  bytes[at] = carriageReturn;
  bytes[at + 1] = lineFeed;
  return at + lineEndBytes;
}

/** Most words are short, for which this is the fastest way. */
function writeAscii(bytes: Buffer, text: string, at: number): void {
  for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
}
