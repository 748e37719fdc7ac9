/**
 * Parses JSON (RFC 8259) to a tape of its tokens. JSON.parse makes an object of each list and object, and a hidden class of
 * each new set of names: four million bytes can take it a second and a hundred MiB. A token takes twelve bytes, whatever it is.
 */
import { isUtf8 } from "node:buffer";
import { UserError } from "../../users/errors.ts";
import { limits } from "../../users/limits.ts";

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
const slots = 3;
/** Of strings and names whose text is not their value. */
const escaped = 16;
const firstTokens = 4_096;
/** Up to so many characters, a number without sign, fraction and exponent is read digit by digit. */
const maxPlainDigits = 15;
/** In a google.protobuf.Struct: the tags and lengths of an item, and of its value; a name takes as much. */
const tokenBytes = 4;
/** A number has eight bytes more, and no length. */
const numberBytes = 7;

/** A text is not JSON, or not UTF-8. */
export class NotJson extends Error {}

/** What a tape may cost, asked for before it does. */
export interface TapeBudget {
  /** Called before so many bytes more are taken; throws where there is no room for them. */
  reserve(bytes: number): void;
  /**
   * Called with the least that the text takes in protobuf's encoding without the content of its strings, as far as it has been
   * read; throws where that is too much.
   */
  weigh(bytes: number): void;
}

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
   * Writes the value of a string or a name with escapes, in UTF-8.
   *
   * @param value where to; no escape is shorter than what it stands for
   * @returns how many bytes it has; -1 where it holds half of a surrogate pair
   */
  unescape(index: number, value: Uint8Array): number {
    const { text } = this;
    const end = this.end(index);
    let length = 0;
    for (let at = this.start(index); at < end; at++) {
      const byte = text[at] ?? 0;
      if (byte !== backslash) {
        value[length++] = byte;
        continue;
      }
      const kind = text[++at] ?? 0;
      if (kind !== letterU) {
        value[length++] = meanings[kind] ?? kind;
        continue;
      }
      let code = this.#hex(at + 1);
      at += hexLength;
      if (isHighSurrogate(code) && text[at + 1] === backslash && text[at + 2] === letterU) {
        const low = this.#hex(at + 3);
        if (isLowSurrogate(low)) {
          code = 0x1_0000 + ((code - 0xd800) << 10) + (low - 0xdc00);
          at += hexLength + 2;
        }
      }
      if (code >= 0xd800 && code <= 0xdfff) return -1;
      length = writeUtf8(value, length, code);
    }
    return length;
  }

  #hex(at: number): number {
    let value = 0;
    for (let digit = at; digit < at + hexLength; digit++) value = 16 * value + (hexValues[this.text[digit] ?? 0] ?? 0);
    return value;
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

/**
 * @param text UTF-8; a byte order mark is skipped
 * @returns a tape that is good until the next text is parsed
 * @throws NotJson
 * @throws UserError LIMIT_EXCEEDED for what is nested very deep; and whatever the budget throws
 */
export function parseJson(text: Buffer, budget: TapeBudget): JsonTape {
  if (!isUtf8(text)) throw new NotJson("not UTF-8");
  return new Parser(text, budget).parse();
}

const [tab, lineFeed, carriageReturn, space] = [0x09, 0x0a, 0x0d, 0x20];
const [quote, comma, minus, dot, zero, nine, colon] = [0x22, 0x2c, 0x2d, 0x2e, 0x30, 0x39, 0x3a];
const [openList, backslash, closeList, openObject, closeObject] = [0x5b, 0x5c, 0x5d, 0x7b, 0x7d];
const [plus, capitalE, letterE, letterU] = [0x2b, 0x45, 0x65, 0x75];
const byteOrderMark = Buffer.from("\ufeff");
const literals = [
  { kind: tokenKinds.true, text: Buffer.from("true") },
  { kind: tokenKinds.false, text: Buffer.from("false") },
  { kind: tokenKinds.null, text: Buffer.from("null") },
] as const;

const hexLength = 4;
const hexValues = new Uint8Array(256);
for (const [value, digit] of [..."0123456789abcdef"].entries()) {
  hexValues[digit.charCodeAt(0)] = value;
  hexValues[digit.toUpperCase().charCodeAt(0)] = value;
}
/** Of the escapes that stand for something else than their letter. */
const meanings: Readonly<Record<number, number>> = { 98: 0x08, 102: 0x0c, 110: 0x0a, 114: 0x0d, 116: 0x09 };

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}

function isLowSurrogate(code: number): boolean {
  return code >= 0xdc00 && code <= 0xdfff;
}

/** @returns where it ends */
function writeUtf8(bytes: Uint8Array, start: number, code: number): number {
  let at = start;
  if (code < 0x80) {
    bytes[at++] = code;
    return at;
  }
  if (code < 0x800) bytes[at++] = 0xc0 | (code >> 6);
  else {
    if (code < 0x1_0000) bytes[at++] = 0xe0 | (code >> 12);
    else {
      bytes[at++] = 0xf0 | (code >> 18);
      bytes[at++] = 0x80 | ((code >> 12) & 0x3f);
    }
    bytes[at++] = 0x80 | ((code >> 6) & 0x3f);
  }
  bytes[at++] = 0x80 | (code & 0x3f);
  return at;
}

/** By a byte's value, whether it is one of some characters. */
function byteTable(characters: string): Uint8Array {
  const known = new Uint8Array(256);
  for (const byte of Buffer.from(characters)) known[byte] = 1;
  return known;
}

const simpleEscapes = byteTable('"\\/bfnrt');
const hexDigits = byteTable("0123456789abcdefABCDEF");

/** Kept, so that small texts share its memory. */
const sharedTokens = new Int32Array(firstTokens * slots);

class Parser {
  readonly #text: Buffer;
  readonly #budget: TapeBudget;
  #pos: number;
  #tokens = sharedTokens;
  #count = 0;
  #numbers = 0;
  #ends = 0;
  /** The objects and lists that are open, by their index on the tape. */
  readonly #open: number[] = [];

  constructor(text: Buffer, budget: TapeBudget) {
    this.#text = text;
    this.#budget = budget;
    this.#pos = text.subarray(0, byteOrderMark.length).equals(byteOrderMark) ? byteOrderMark.length : 0;
  }

  parse(): JsonTape {
    this.#skipSpace();
    do this.#valueBegins();
    while (this.#valueEnds());
    if (this.#pos !== this.#text.length) this.#fail();
    this.#weigh();
    return new JsonTape(this.#text, this.#tokens);
  }

  /** Reads up to where a value ends for the first time: that of a scalar, or of an empty object or list. */
  #valueBegins(): void {
    for (;;) {
      const byte = this.#text[this.#pos];
      if (byte === openObject) {
        this.#begin(tokenKinds.object);
        if (this.#text[this.#pos] === closeObject) return;
        this.#name();
      } else if (byte === openList) {
        this.#begin(tokenKinds.list);
        if (this.#text[this.#pos] === closeList) return;
      } else {
        this.#scalar(byte);
        return;
      }
    }
  }

  /** Ends what ends with the value before; answers whether another value follows. */
  #valueEnds(): boolean {
    for (;;) {
      this.#skipSpace();
      const open = this.#open.at(-1);
      if (open === undefined) return false;
      const isObject = this.#tokens[open * slots] === tokenKinds.object;
      const byte = this.#text[this.#pos];
      if (byte === comma) {
        this.#pos++;
        this.#skipSpace();
        if (isObject) this.#name();
        return true;
      }
      if (byte !== (isObject ? closeObject : closeList)) this.#fail();
      this.#open.pop();
      this.#tokens[open * slots + 2] = this.#count;
      this.#ends++;
      this.#push(tokenKinds.end, this.#pos, open);
      this.#pos++;
    }
  }

  #begin(kind: number): void {
    if (this.#open.length === limits.maxJsonDepth) throw tooDeep();
    this.#open.push(this.#count);
    this.#push(kind, this.#pos, 0);
    this.#pos++;
    this.#skipSpace();
  }

  #name(): void {
    if (this.#text[this.#pos] !== quote) this.#fail();
    this.#string(tokenKinds.name);
    this.#skipSpace();
    if (this.#text[this.#pos] !== colon) this.#fail();
    this.#pos++;
    this.#skipSpace();
  }

  #scalar(byte: number | undefined): void {
    if (byte === quote) this.#string(tokenKinds.string);
    else if (byte === minus || isDigit(byte)) this.#number();
    else this.#literal();
  }

  #string(kind: number): void {
    const text = this.#text;
    const start = this.#pos + 1;
    let at = start;
    let flag = 0;
    for (; ; at++) {
      const byte = text[at];
      if (byte === quote) break;
      if (byte === undefined || byte < space) this.#fail(at);
      if (byte === backslash) {
        flag = escaped;
        at = this.#endOfEscape(at);
      }
    }
    this.#push(kind | flag, start, at);
    this.#pos = at + 1;
  }

  /** @returns where its last byte is */
  #endOfEscape(backslashAt: number): number {
    const at = backslashAt + 1;
    const byte = this.#text[at] ?? 0;
    if (byte !== letterU) {
      if (simpleEscapes[byte] === 0) this.#fail(at);
      return at;
    }
    for (let digit = 1; digit <= 4; digit++) if (hexDigits[this.#text[at + digit] ?? 0] === 0) this.#fail(at + digit);
    return at + 4;
  }

  #number(): void {
    const text = this.#text;
    const start = this.#pos;
    if (text[this.#pos] === minus) this.#pos++;
    if (text[this.#pos] === zero) this.#pos++;
    else this.#digits();
    if (text[this.#pos] === dot) {
      this.#pos++;
      this.#digits();
    }
    const byte = text[this.#pos];
    if (byte === letterE || byte === capitalE) {
      this.#pos++;
      const sign = text[this.#pos];
      if (sign === minus || sign === plus) this.#pos++;
      this.#digits();
    }
    this.#numbers++;
    this.#push(tokenKinds.number, start, this.#pos);
  }

  /** One at least. */
  #digits(): void {
    if (!isDigit(this.#text[this.#pos])) this.#fail();
    while (isDigit(this.#text[this.#pos])) this.#pos++;
  }

  #literal(): void {
    const text = this.#text;
    const start = this.#pos;
    for (const { kind, text: literal } of literals) {
      const end = start + literal.length;
      if (
        text[start] !== literal[0] ||
        text.compare(literal, 0, literal.length, start, Math.min(end, text.length)) !== 0
      )
        continue;
      this.#push(kind, start, end);
      this.#pos = end;
      return;
    }
    this.#fail();
  }

  #skipSpace(): void {
    const text = this.#text;
    for (;;) {
      const byte = text[this.#pos];
      if (byte !== space && byte !== lineFeed && byte !== carriageReturn && byte !== tab) return;
      this.#pos++;
    }
  }

  #push(kind: number, start: number, end: number): void {
    const at = this.#count * slots;
    if (at === this.#tokens.length) this.#grow();
    this.#tokens[at] = kind;
    this.#tokens[at + 1] = start;
    this.#tokens[at + 2] = end;
    this.#count++;
  }

  #grow(): void {
    this.#weigh();
    const tokens = this.#tokens;
    this.#budget.reserve(tokens.byteLength);
    const grown = new Int32Array(2 * tokens.length);
    grown.set(tokens);
    this.#tokens = grown;
  }

  #weigh(): void {
    this.#budget.weigh((this.#count - this.#ends) * tokenBytes + this.#numbers * numberBytes);
  }

  #fail(at = this.#pos): never {
    throw new NotJson(`not JSON at byte ${at}`);
  }
}

function tooDeep(): UserError {
  const max = limits.maxJsonDepth;
  const metadata = { limit: "maxJsonDepth", max: String(max) };
  return new UserError("LIMIT_EXCEEDED", `the message is nested deeper than ${max} objects or lists`, { metadata });
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= zero && byte <= nine;
}
