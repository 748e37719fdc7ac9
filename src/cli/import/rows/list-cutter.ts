/**
 * Cuts the items out of a list in a JSON document of any size. It looks only at brackets and strings, and leaves each item to
 * JSON.parse. Streaming JSON parsers reach a tenth of its speed, and set no limit to one item.
 */
import { maxRowBytes } from "./row.ts";

/** One item of the list. */
export interface CutItem {
  /** From 1. */
  readonly number: number;
  readonly size: number;
  /** The item's text; undefined if it is longer than a row may be. */
  readonly bytes: Buffer | undefined;
}

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const leftBrace = 0x7b;
const rightBrace = 0x7d;
const leftBracket = 0x5b;
const rightBracket = 0x5d;
const maxKeyBytes = 256;

const isSpace = (byte: number) => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

/**
 * The items of the list named `key` in the document, which is an object.
 *
 * @throws SyntaxError if the document is not an object, has no such list, or ends too soon
 */
export async function* cutList(chunks: AsyncIterable<Buffer>, key: string): AsyncGenerator<CutItem> {
  const cutter = new ListCutter(JSON.stringify(key));
  for await (const chunk of chunks) {
    for (const item of cutter.push(chunk)) yield item;
  }
  cutter.end();
}

class ListCutter {
  readonly #key: string;
  #depth = 0;
  #inString = false;
  #escaped = false;
  #ended = false;
  #found = false;
  #inList = false;
  /** The text of the last string at depth 1, with its quotes. */
  #lastKey = "";
  #number = 0;
  /** The beginning of an item or a key that has not ended yet. */
  #begun: Buffer[] = [];
  #begunBytes = 0;
  /** Whether an item is being read. It begins at `from` in this chunk, or in an earlier one. */
  #inItem = false;

  constructor(key: string) {
    this.#key = key;
  }

  *push(chunk: Buffer): Generator<CutItem> {
    let from = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at] ?? 0;
      if (this.#inString) {
        at = this.#passString(chunk, at);
        if (!this.#inString && this.#depth === 1) this.#lastKey = this.#takeKey(chunk.subarray(from, at + 1));
        continue;
      }
      if (isSpace(byte)) continue;
      if (this.#ended) throw new SyntaxError("something follows the end of the object");
      if (this.#depth === 0 && byte !== leftBrace) throw new SyntaxError("it does not begin with {");
      const closes = byte === rightBrace || byte === rightBracket;
      const atItem = this.#inList && this.#depth === 2;
      if (atItem && this.#inItem && (byte === comma || closes)) {
        // Numbers, literals and strings have no bracket at their end.
        yield this.#takeItem(chunk.subarray(from, at));
      }
      if (atItem && !this.#inItem && byte !== comma && !closes) {
        this.#inItem = true;
        from = at;
      }
      if (byte === quote) {
        this.#inString = true;
        if (this.#depth === 1) from = at;
      } else if (byte === leftBrace || byte === leftBracket) {
        this.#depth++;
        if (this.#depth === 2 && byte === leftBracket && this.#lastKey === this.#key && !this.#found) {
          this.#found = true;
          this.#inList = true;
        }
      } else if (closes) {
        this.#depth--;
        if (this.#inList && this.#depth === 2) yield this.#takeItem(chunk.subarray(from, at + 1));
        if (this.#depth === 1) this.#inList = false;
        if (this.#depth === 0) this.#ended = true;
      }
    }
    if (this.#inItem || (this.#inString && this.#depth === 1)) this.#keep(chunk.subarray(from));
  }

  end(): void {
    if (!this.#ended) throw new SyntaxError("it ends in the middle of the object");
    if (!this.#found) throw new SyntaxError(`the object has no list ${this.#key}`);
  }

  /** @returns where the string ends, or the chunk does */
  #passString(chunk: Buffer, from: number): number {
    for (let at = from; at < chunk.length; at++) {
      const byte = chunk[at];
      if (this.#escaped) this.#escaped = false;
      else if (byte === backslash) this.#escaped = true;
      else if (byte === quote) {
        this.#inString = false;
        return at;
      }
    }
    return chunk.length;
  }

  #keep(bytes: Buffer): void {
    this.#begunBytes += bytes.length;
    const most = this.#inItem ? maxRowBytes : maxKeyBytes;
    if (this.#begunBytes > most) this.#begun = [];
    else this.#begun.push(bytes);
  }

  #takeItem(last: Buffer): CutItem {
    this.#inItem = false;
    const { size, bytes } = this.#take(last, maxRowBytes);
    this.#number++;
    return { number: this.#number, size, bytes };
  }

  #takeKey(last: Buffer): string {
    return this.#take(last, maxKeyBytes).bytes?.toString() ?? "";
  }

  #take(last: Buffer, most: number): { size: number; bytes: Buffer | undefined } {
    const size = this.#begunBytes + last.length;
    const bytes = this.#begunBytes === 0 ? last : Buffer.concat([...this.#begun, last]);
    this.#begun = [];
    this.#begunBytes = 0;
    return { size, bytes: size > most ? undefined : bytes };
  }
}
