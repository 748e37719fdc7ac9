/** Writes a JSON object as the bytes of a google.protobuf.Struct, straight from the tape. */

import { nestedTooDeep, type Violation } from "../../users/errors.ts";
import { formatPath } from "../../users/field-path.ts";
import { limits } from "../../users/limits.ts";
import type { BackwardWriter } from "../../users/struct/backward-writer.ts";
import { tags } from "../../users/struct/format.ts";
import { type JsonTape, tokenKinds } from "./json-tape.ts";

/** About what a token comes to in a Struct, without a string's text. */
const writtenTokenBytes = 6;

/**
 * From its end to its beginning, so that each length is known when it is written. What comes out is not canonical: names are
 * in the order of the text, and a repeated one stays repeated.
 *
 * @param index of the object
 * @param field the request's field that it is for, with which paths begin
 * @returns what has no place in a Struct, at most as much as one error names: half of a surrogate pair, a number that no
 * double holds, a value that is nested too deep. With any of them, the Struct is not written to its end.
 */
export function writeJsonStruct(
  tape: JsonTape,
  index: number,
  field: string,
  writer: BackwardWriter,
): readonly Violation[] {
  return new StructWriter(tape, index, field, writer).write();
}

/** Kept, so that short strings share its memory. */
const scratch = Buffer.allocUnsafe(4 * 1024);

function scratchOf(bytes: number): Uint8Array {
  return bytes <= scratch.length ? scratch : Buffer.allocUnsafe(bytes);
}

class StructWriter {
  readonly #tape: JsonTape;
  readonly #first: number;
  readonly #field: string;
  readonly #writer: BackwardWriter;
  /** What was written when each object or list that is open here was begun, from the outside in. */
  readonly #before: number[] = [];
  /** Whether something has no place in a Struct. */
  #isMisfit = false;

  constructor(tape: JsonTape, index: number, field: string, writer: BackwardWriter) {
    this.#tape = tape;
    this.#first = index;
    this.#field = field;
    this.#writer = writer;
  }

  write(): readonly Violation[] {
    const tape = this.#tape;
    const last = tape.after(this.#first) - 2;
    // Most texts are longer than what is written of them; what is longer is made room for as it comes.
    this.#writer.makeRoom(
      Math.max(tape.end(this.#first) - tape.start(this.#first), (last - this.#first) * writtenTokenBytes),
    );
    for (let index = last; index > this.#first && !this.#isMisfit; ) index = this.#token(index);
    return this.#isMisfit ? violationsIn(tape, this.#first, this.#field) : [];
  }

  /** @returns the index of the token to go on with */
  #token(index: number): number {
    const tape = this.#tape;
    const writer = this.#writer;
    const before = writer.length;
    switch (tape.kind(index)) {
      case tokenKinds.end:
        this.#before.push(before);
        if (this.#before.length > limits.maxValueDepth) this.#isMisfit = true;
        return index - 1;
      case tokenKinds.object:
        return this.#endValue(index, this.#headOf(tags.structValue));
      case tokenKinds.list:
        return this.#endValue(index, this.#headOf(tags.listValue));
      case tokenKinds.string:
        this.#text(index, tags.stringValue);
        return this.#endValue(index, before);
      case tokenKinds.number:
        this.#number(index);
        return this.#endValue(index, before);
      case tokenKinds.true:
        writer.byte(1);
        writer.byte(tags.boolValue);
        return this.#endValue(index, before);
      case tokenKinds.false:
        writer.byte(0);
        writer.byte(tags.boolValue);
        return this.#endValue(index, before);
      default:
        writer.byte(0);
        writer.byte(tags.nullValue);
        return this.#endValue(index, before);
    }
  }

  /** @returns what was written before the object or the list */
  #headOf(tag: number): number {
    const before = this.#before.pop() ?? 0;
    this.#writer.head(tag, before);
    return before;
  }

  /** Makes a value an entry with its name, or an item. */
  #endValue(index: number, before: number): number {
    const writer = this.#writer;
    if (this.#tape.kind(index - 1) !== tokenKinds.name) {
      writer.head(tags.listItem, before);
      return index - 1;
    }
    writer.head(tags.entryValue, before);
    this.#text(index - 1, tags.entryName);
    writer.head(tags.structEntry, before);
    return index - 2;
  }

  #text(index: number, tag: number): void {
    const tape = this.#tape;
    if (!tape.isEscaped(index)) {
      this.#writer.rangeField(tag, tape.text, tape.start(index), tape.end(index));
      return;
    }
    const value = scratchOf(tape.end(index) - tape.start(index));
    const length = tape.unescape(index, value);
    if (length < 0) this.#isMisfit = true;
    else this.#writer.rangeField(tag, value, 0, length);
  }

  #number(index: number): void {
    const value = this.#tape.number(index);
    if (!Number.isFinite(value)) this.#isMisfit = true;
    this.#writer.double(value);
    this.#writer.byte(tags.numberValue);
  }
}

/** Walks over an object on the tape once more, to name what has no place in a Struct. */
function violationsIn(tape: JsonTape, first: number, field: string): readonly Violation[] {
  const violations: Violation[] = [];
  const path: (string | number)[] = [];
  const invalid = (description: string) =>
    violations.push({ field: formatPath(field, path), reason: "INVALID_PROPERTY", description });
  /** Goes on behind a value: to the next item, or out of the entry. */
  const leave = () => {
    const step = path.pop();
    if (typeof step === "number") path.push(step + 1);
  };
  const end = tape.after(first) - 1;
  let depth = 0;
  let index = first + 1;
  while (index < end && violations.length < limits.maxViolations) {
    switch (tape.kind(index)) {
      case tokenKinds.name: {
        const name = tape.string(index);
        path.push(name.toWellFormed());
        if (!name.isWellFormed()) {
          invalid("the name is not valid Unicode");
          leave();
          index = tape.after(index + 1);
          continue;
        }
        break;
      }
      case tokenKinds.object:
      case tokenKinds.list:
        if (depth === limits.maxValueDepth) {
          violations.push(nestedTooDeep(formatPath(field, path)));
          leave();
          index = tape.after(index);
          continue;
        }
        depth++;
        if (tape.kind(index) === tokenKinds.list) path.push(0);
        break;
      case tokenKinds.end:
        depth--;
        if (tape.kind(tape.opening(index)) === tokenKinds.list) path.pop();
        leave();
        break;
      case tokenKinds.string:
        if (tape.isEscaped(index) && !tape.string(index).isWellFormed()) invalid("is not valid Unicode");
        leave();
        break;
      case tokenKinds.number:
        if (!Number.isFinite(tape.number(index))) invalid("is not a finite number");
        leave();
        break;
      default:
        leave();
    }
    index++;
  }
  return violations;
}
