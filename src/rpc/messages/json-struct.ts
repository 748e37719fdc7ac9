/** Writes a JSON object as the bytes of a google.protobuf.Struct, straight from the tape. */
import type { Violation } from "../../users/errors.ts";
import { limits } from "../../users/limits.ts";
import type { BackwardWriter } from "../../users/struct/backward-writer.ts";
import { tags } from "../../users/struct/format.ts";
import { type JsonTape, tokenKinds } from "./json-tape.ts";
import { structViolations } from "./json-violations.ts";

/** About how many bytes a token takes in a Struct, without a string's text. */
const writtenTokenBytes = 6;

/**
 * Writes from the end of the object to its beginning, so that each length is known when it is written. The Struct is not
 * canonical: names are in the order of the text, and repeated names stay repeated.
 *
 * @param index of the object
 * @param field of the request, with which the violations' paths begin
 * @returns the first violations, at most as many as one error lists: half of a surrogate pair, a number that no double holds, a
 * value that is nested too deep. If there are any, the Struct is not written to its end.
 */
export function writeJsonStruct(
  tape: JsonTape,
  index: number,
  field: string,
  writer: BackwardWriter,
): readonly Violation[] {
  return new StructWriter(tape, index, field, writer).write();
}

/** Shared by all short strings. */
const scratch = Buffer.allocUnsafe(4 * 1024);

function scratchOf(bytes: number): Uint8Array {
  return bytes <= scratch.length ? scratch : Buffer.allocUnsafe(bytes);
}

class StructWriter {
  readonly #tape: JsonTape;
  readonly #first: number;
  readonly #field: string;
  readonly #writer: BackwardWriter;
  /** The writer's length before each open object and list, from the outside in. */
  readonly #before: number[] = [];
  /** Whether there is a value that a Struct cannot hold. */
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
    // Most texts are longer than their Structs. The writer grows for others.
    this.#writer.makeRoom(
      Math.max(tape.end(this.#first) - tape.start(this.#first), (last - this.#first) * writtenTokenBytes),
    );
    for (let index = last; index > this.#first && !this.#isMisfit; ) index = this.#token(index);
    return this.#isMisfit ? structViolations(tape, this.#first, this.#field) : [];
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

  /** @returns the writer's length before the object or the list */
  #headOf(tag: number): number {
    const before = this.#before.pop() ?? 0;
    this.#writer.head(tag, before);
    return before;
  }

  /** Makes the value an entry with its name, or an item. */
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
