/**
 * A JSON text as a tape of its tokens. JSON.parse makes an object of each list and object, and a hidden class of each new set
 * of names: four million bytes can take it a second and a hundred MiB. A token takes twelve bytes, whatever it is.
 */
import { unescapeText } from "./json-escapes.ts";

export const tokenKinds = {
  object: 1,
  list: 2,
  /** Of an object or a list. */
  end: 3,
  name: 4,
  string: 5,
  number: 6,
  true: 7,
  false: 8,
  null: 9,
} as const;

/** Slots of a token: its kind, where it starts in the text, and where it ends. */
export const slots = 3;
/** Added to the kind of strings and names whose text is not their value. */
export const escaped = 16;
/** Up to so many characters, a number without sign, fraction and exponent is read digit by digit. */
const maxPlainDigits = 15;
const zero = 0x30;

/** The tokens of one text. What an index means is a token's place on the tape. */
export class JsonTape {
  readonly text: Buffer;
  readonly #tokens: Int32Array;

  constructor(text: Buffer, tokens: Int32Array) {
    this.text = text;
    this.#tokens = tokens;
  }

  kind(index: number): number {
    return (this.#tokens[index * slots] ?? 0) & ~escaped;
  }

  /** Whether a string or a name has escapes: then its text is not its value. */
  isEscaped(index: number): boolean {
    return ((this.#tokens[index * slots] ?? 0) & escaped) !== 0;
  }

  /** Where the token begins in the text; a string's or a name's content, after its quote. */
  start(index: number): number {
    return this.#tokens[index * slots + 1] ?? 0;
  }

  /** Where the token ends in the text: a string's or a name's content, an object or a list with all that it holds. */
  end(index: number): number {
    const end = this.#tokens[index * slots + 2] ?? 0;
    return this.#isContainer(index) ? this.start(end) + 1 : end;
  }

  /** The index of the object or the list that ends with the token. */
  opening(endIndex: number): number {
    return this.#tokens[endIndex * slots + 2] ?? 0;
  }

  /** The index of the token after the value at `index`, with all that it holds. */
  after(index: number): number {
    return 1 + (this.#isContainer(index) ? (this.#tokens[index * slots + 2] ?? 0) : index);
  }

  /** The value of a string or a name; it may hold half of a surrogate pair, which only an escape can write. */
  string(index: number): string {
    const [start, end] = [this.start(index), this.end(index)];
    if (!this.isEscaped(index)) return this.text.toString("utf8", start, end);
    return JSON.parse(this.text.toString("utf8", start - 1, end + 1));
  }

  /**
   * Writes the value of a string or a name in UTF-8.
   *
   * @param into has room for as many bytes as the text
   * @returns how many bytes the value has; -1 where it holds half of a surrogate pair
   */
  unescape(index: number, into: Uint8Array): number {
    return unescapeText(this.text, this.start(index), this.end(index), into);
  }

  /** The value of a number; infinite where no double holds it. */
  number(index: number): number {
    const { text } = this;
    const [start, end] = [this.start(index), this.end(index)];
    if (end - start > maxPlainDigits) return Number(text.toString("latin1", start, end));
    let value = 0;
    for (let at = start; at < end; at++) {
      const digit = (text[at] ?? 0) - zero;
      if (digit < 0 || digit > 9) return Number(text.toString("latin1", start, end));
      value = 10 * value + digit;
    }
    return value;
  }

  #isContainer(index: number): boolean {
    const kind = this.kind(index);
    return kind === tokenKinds.object || kind === tokenKinds.list;
  }
}
