import { PackedReader } from "../packed/buffer.ts";
import { loadScript } from "./script.ts";

export const findScript = loadScript("wrong-type", "configuration", "find-entries");

const none: readonly Uint8Array[] = [];

/** @returns the entries of each partition */
export function unpackEntries(bytes: Buffer): (readonly Uint8Array[])[] {
  const reader = new PackedReader(bytes);
  const answers: (readonly Uint8Array[])[] = [];
  while (!reader.done) {
    const count = reader.u16();
    answers.push(count === 0 ? none : Array.from({ length: count }, () => reader.textBytes()));
  }
  return answers;
}
