import { Command } from "ioredis";
import type { ScriptArgument, ScriptCall } from "./script.ts";

/**
 * EVALSHA or EVAL of a script call, encoded at once. ioredis encodes arguments one by one, which doubles the cost of a call.
 * Errors of this command contain no arguments.
 */
export class ScriptCommand extends Command {
  readonly #encoded: Buffer;

  /** @param last arguments behind those of the call */
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
  const pieces: (string | Uint8Array)[] = [];
  let text = `*${words.length}${lineEnd}`;
  for (const word of words) {
    if (word instanceof Uint8Array) {
      pieces.push(`${text}$${word.length}${lineEnd}`, word);
      text = lineEnd;
    } else {
      text += `$${Buffer.byteLength(String(word))}${lineEnd}${word}${lineEnd}`;
    }
  }
  pieces.push(text);
  const encoded = Buffer.allocUnsafe(pieces.reduce((sum, piece) => sum + Buffer.byteLength(piece), 0));
  let at = 0;
  for (const piece of pieces) {
    if (typeof piece === "string") {
      at += encoded.write(piece, at);
    } else {
      encoded.set(piece, at);
      at += piece.length;
    }
  }
  return encoded;
}
