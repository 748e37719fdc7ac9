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

/** As an array of bulk strings: https://redis.io/docs/latest/develop/reference/protocol-spec/ */
function encodeWords(words: readonly ScriptArgument[]): Buffer {
  const pieces: (string | Buffer)[] = [];
  let text = `*${words.length}\r\n`;
  for (const word of words) {
    if (Buffer.isBuffer(word)) {
      pieces.push(`${text}$${word.length}\r\n`, word);
      text = "\r\n";
    } else {
      const written = typeof word === "string" ? word : String(word);
      text += `$${Buffer.byteLength(written)}\r\n${written}\r\n`;
    }
  }
  pieces.push(text);
  const encoded = Buffer.allocUnsafe(pieces.reduce((sum, piece) => sum + Buffer.byteLength(piece), 0));
  let at = 0;
  for (const piece of pieces) at += typeof piece === "string" ? encoded.write(piece, at) : piece.copy(encoded, at);
  return encoded;
}
