/**
 * A JSON text as a tape of its tokens. JSON.parse allocates an object for each list and object, and a hidden class for each new
 * set of names: four million bytes can take it a second and a hundred MiB. Every token takes twelve bytes.
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
/** Added to the kind of strings and names with escapes. */
export const escaped = 16;
/** Up to this length, a number without sign, fraction and exponent is read digit by digit. */
const maxPlainDigits = 15;
const zero = 0x30;

/** The tokens of one text. An index is a token's place on the tape. */
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

  /** Whether a string or a name has escapes, so that its text is not its value. */
  isEscaped(index: number): boolean {
    return ((this.#tokens[index * slots] ?? 0) & escaped) !== 0;
  }

  /** Where the token begins in the text; for a string or a name, after its quote. */
  start(index: number): number {
    return this.#tokens[index * slots + 1] ?? 0;
  }

  /** Where the token ends in the text; for a string or a name, before its quote. An object or a list includes its values. */
  end(index: number): number {
    const end = this.#tokens[index * slots + 2] ?? 0;
    return this.isContainer(index) ? this.start(end) + 1 : end;
  }

  /** The index of the token after a value, with everything in it. */
  after(index: number): number {
    return 1 + (this.isContainer(index) ? (this.#tokens[index * slots + 2] ?? 0) : index);
  }

  /** The value of a string or a name. Escapes can make it hold half of a surrogate pair. */
  string(index: number): string {
    const [start, end] = [this.start(index), this.end(index)];
    if (!this.isEscaped(index)) return this.text.toString("utf8", start, end);
    return JSON.parse(this.text.toString("utf8", start - 1, end + 1));
  }

  /**
   * Writes the value of a string or a name in UTF-8.
   *
   * @param into has room for as many bytes as the text
   * @returns how many bytes the value has; -1 if it holds half of a surrogate pair
   */
  unescape(index: number, into: Uint8Array): number {
    return unescapeText(this.text, this.start(index), this.end(index), into);
  }

  /** The value of a number; infinite if no double holds it. */
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

  /** Whether the value is an object or a list. */
  isContainer(index: number): boolean {
    const kind = this.kind(index);
    return kind === tokenKinds.object || kind === tokenKinds.list;
  }

  /**
   * Goes through the values of an object or a list, until `visit` answers false.
   *
   * @param visit called with the name or the number of each value, and its index
   */
  forEachIn(container: number, visit: (step: string | number, index: number) => boolean): void {
    const isObject = this.kind(container) === tokenKinds.object;
    const end = this.after(container) - 1;
    let at = container + 1;
    for (let number = 0; at < end; number++) {
      const index = isObject ? at + 1 : at;
      if (!visit(isObject ? this.string(at) : number, index)) return;
      at = this.after(index);
    }
  }
}
