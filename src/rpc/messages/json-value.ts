/** Writes a JSON value that is no text as the bytes of a google.protobuf.Value. */
import type { BackwardWriter } from "../../users/struct/backward-writer.ts";
import { tags } from "../../users/struct/format.ts";
import { type JsonTape, tokenKinds } from "./json-tape.ts";

/** A kind of Value, and its content of one byte: a varint, or a length of zero. */
type SimpleValue = readonly [tag: number, content: number];

const nullValue: SimpleValue = [tags.nullValue, 0];
const simpleValues: ReadonlyMap<number, SimpleValue> = new Map([
  [tokenKinds.true, [tags.boolValue, 1]],
  [tokenKinds.false, [tags.boolValue, 0]],
  [tokenKinds.object, [tags.structValue, 0]],
  [tokenKinds.list, [tags.listValue, 0]],
]);

/**
 * Writes the Value of a number, true, false or null; for an object or a list, an empty one. A number that no double holds becomes
 * infinite, which no property can be.
 */
export function writeJsonScalar(tape: JsonTape, index: number, writer: BackwardWriter): void {
  const kind = tape.kind(index);
  if (kind === tokenKinds.number) {
    writer.double(tape.number(index));
    writer.byte(tags.numberValue);
    return;
  }
  const [tag, content] = simpleValues.get(kind) ?? nullValue;
  writer.byte(content);
  writer.byte(tag);
}
