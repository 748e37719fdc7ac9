/** Parses JSON (RFC 8259) to a tape of its tokens. */
import { isUtf8 } from "node:buffer";
import { UserError } from "../../users/errors.ts";
import { limits } from "../../users/limits.ts";
import { endOfEscape } from "./json-escapes.ts";
import { escaped, JsonTape, slots, tokenKinds } from "./json-tape.ts";

const firstTokens = 4_096;
/** Bytes in a google.protobuf.Struct for the tags and lengths of an item and its value. A name takes as many. */
const tokenBytes = 4;
/** Further bytes for a number, which has eight and no length. */
const numberBytes = 7;

/** The text is not JSON, or not UTF-8. */
export class NotJson extends Error {}

/** Limits what a tape costs. */
export interface TapeBudget {
  /** Called before more bytes are taken; throws if there is no room for them. */
  reserve(bytes: number): void;
  /**
   * Called with about the size in a Struct of the text so far, without the content of its strings; throws if that is too large.
   */
  weigh(bytes: number): void;
}

/**
 * @param text UTF-8; a byte order mark is skipped
 * @returns a tape that is valid until the next text is parsed
 * @throws NotJson
 * @throws UserError LIMIT_EXCEEDED for values nested very deep, and what the budget throws
 */
export function parseJson(text: Buffer, budget: TapeBudget): JsonTape {
  if (!isUtf8(text)) throw new NotJson("not UTF-8");
  return new Parser(text, budget).parse();
}

const [tab, lineFeed, carriageReturn, space] = [0x09, 0x0a, 0x0d, 0x20];
const [quote, comma, minus, dot, zero, nine, colon] = [0x22, 0x2c, 0x2d, 0x2e, 0x30, 0x39, 0x3a];
const [openList, backslash, closeList, openObject, closeObject] = [0x5b, 0x5c, 0x5d, 0x7b, 0x7d];
const [plus, capitalE, letterE] = [0x2b, 0x45, 0x65];
const byteOrderMark = Buffer.from("\ufeff");
const literals = [
  { kind: tokenKinds.true, text: Buffer.from("true") },
  { kind: tokenKinds.false, text: Buffer.from("false") },
  { kind: tokenKinds.null, text: Buffer.from("null") },
] as const;

/** Shared by all small texts. */
const sharedTokens = new Int32Array(firstTokens * slots);

class Parser {
  readonly #text: Buffer;
  readonly #budget: TapeBudget;
  #pos: number;
  #tokens = sharedTokens;
  #count = 0;
  #numbers = 0;
  #ends = 0;
  /** Indexes of the open objects and lists. */
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

  /** Reads up to the end of a scalar, or before the end of an empty object or list. */
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

  /** Closes the objects and lists that end after a value, and returns whether another value follows. */
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
        at = endOfEscape(text, at);
        if (at < 0) this.#fail(~at);
      }
    }
    this.#push(kind | flag, start, at);
    this.#pos = at + 1;
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
