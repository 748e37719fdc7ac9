/** Names that are repeated in one JSON object: which of the values counts would depend on who reads it. */
import type { Path } from "../../users/field-path.ts";
import { type JsonTape, tokenKinds } from "./json-tape.ts";

/**
 * @param first index of a value
 * @param max paths to find
 * @returns where in it a name stands for the second time
 */
export function repeatedNames(tape: JsonTape, first: number, max: number): readonly Path[] {
  const found: Path[] = [];
  const path: (string | number)[] = [];
  /** The names of each object that is open here; of a list, undefined. */
  const open: (Set<string> | undefined)[] = [];
  const leave = () => {
    const step = path.pop();
    if (typeof step === "number") path.push(step + 1);
  };
  const end = tape.after(first);
  for (let index = first; index < end && found.length < max; index++) {
    switch (tape.kind(index)) {
      case tokenKinds.object:
        open.push(new Set());
        break;
      case tokenKinds.list:
        open.push(undefined);
        path.push(0);
        break;
      case tokenKinds.end:
        if (open.pop() === undefined) path.pop();
        leave();
        break;
      case tokenKinds.name: {
        const name = tape.string(index);
        const names = open.at(-1);
        path.push(name);
        if (names?.has(name)) found.push([...path]);
        names?.add(name);
        break;
      }
      default:
        leave();
    }
  }
  return found;
}
