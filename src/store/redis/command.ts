import { Command } from "ioredis";
import type { HashRead, RedisCall, ScriptArgument, ScriptCall } from "./script.ts";

/**
 * A command that is encoded at once. ioredis encodes arguments one by one, which doubles the cost of a call. Errors of this command
 * contain no arguments.
 */
class EncodedCommand extends Command {
  readonly #encoded: Buffer;

  constructor(name: string, words: readonly ScriptArgument[]) {
    super(name, []);
    this.#encoded = encodeWords([name, ...words]);
  }

  override toWritable(): Buffer {
    return this.#encoded;
  }
}

/** EVALSHA or EVAL of a script call. */
export class ScriptCommand extends EncodedCommand {
  /** @param last arguments behind those of the call */
  constructor({ script, keys, args }: ScriptCall, bySource: boolean, last: readonly ScriptArgument[]) {
    const words = [bySource ? script.source : script.sha, keys.length, ...keys, ...args, ...last];
    super(bySource ? "EVAL" : "EVALSHA", words);
  }
}

class HashReadCommand extends EncodedCommand {
  constructor({ keys, fields }: HashRead) {
    super("HMGET", [...keys, ...fields]);
  }
}

/** @param last arguments behind those of a script */
export function commandOf(call: RedisCall, bySource: boolean, last: readonly ScriptArgument[]): Command {
  return "fields" in call ? new HashReadCommand(call) : new ScriptCommand(call, bySource, last);
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
