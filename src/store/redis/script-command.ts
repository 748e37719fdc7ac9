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

const lineEnd = "\r\n";

/** As an array of bulk strings: https://redis.io/docs/latest/develop/reference/protocol-spec/ */
function encodeWords(words: readonly ScriptArgument[]): Buffer {
  const head = `*${words.length}${lineEnd}`;
  let size = head.length;
  for (const word of words) {
    const length = lengthOf(word);
    size += 1 + String(length).length + length + 2 * lineEnd.length;
  }
  const encoded = Buffer.allocUnsafe(size);
  let at = writeAscii(encoded, head, 0);
  for (const word of words) {
    const length = lengthOf(word);
    at = writeAscii(encoded, `$${length}${lineEnd}`, at);
    if (typeof word === "object") encoded.set(word, at);
    else if (typeof word === "string" && word.length < length) encoded.write(word, at);
    else writeAscii(encoded, String(word), at);
    at = writeAscii(encoded, lineEnd, at + length);
  }
  return encoded;
}

function lengthOf(word: ScriptArgument): number {
  return typeof word === "object" ? word.length : Buffer.byteLength(String(word));
}

/** Most words are short, for which this is the fastest way. */
function writeAscii(bytes: Buffer, text: string, at: number): number {
  for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
  return at + text.length;
}
