/** A small HPACK encoder for clients in tests: RFC 7541. It knows the static table's names, and uses a dynamic table. */
import { below, type Random } from "./random.ts";

export type Field = readonly [name: string, value: string];

/** The entries of the static table that requests often use: appendix A. */
const staticEntries: readonly (readonly [index: number, name: string, value: string])[] = [
  [1, ":authority", ""],
  [2, ":method", "GET"],
  [3, ":method", "POST"],
  [4, ":path", "/"],
  [6, ":scheme", "http"],
  [7, ":scheme", "https"],
  [16, "accept-encoding", "gzip, deflate"],
  [28, "content-length", ""],
  [31, "content-type", ""],
  [32, "cookie", ""],
  [58, "user-agent", ""],
];
const firstDynamicIndex = 62;
const entryOverheadBytes = 32;

export class HeaderEncoder {
  readonly #random: Random;
  readonly #tableBytes: number;
  /** The newest first. */
  #entries: Field[] = [];

  /** @param random chooses among the representations of a field */
  constructor(random: Random, tableBytes = 4_096) {
    this.#random = random;
    this.#tableBytes = tableBytes;
  }

  encode(fields: readonly Field[]): Buffer {
    return Buffer.concat(fields.map((field) => this.#encodeField(field)));
  }

  #encodeField([name, value]: Field): Buffer {
    const exact = this.#indexOf(([known, its]) => known === name && its === value);
    if (exact !== undefined && this.#random() < 0.9) return integer(exact, 7, 0x80);
    const named = this.#random() < 0.8 ? this.#indexOf(([known]) => known === name) : undefined;
    const way = below(this.#random, 4);
    if (way < 2) {
      const encoded = literal(0x40, 6, named, name, value);
      this.#remember([name, value]);
      return encoded;
    }
    // Without indexing, or never indexed.
    return literal(way === 2 ? 0 : 0x10, 4, named, name, value);
  }

  #indexOf(isIt: (entry: Field) => boolean): number | undefined {
    const dynamic = this.#entries.findIndex(isIt);
    if (dynamic >= 0) return firstDynamicIndex + dynamic;
    return staticEntries.find(([, name, value]) => isIt([name, value]))?.[0];
  }

  #remember(field: Field): void {
    this.#entries.unshift(field);
    let bytes = 0;
    const kept = this.#entries.findIndex(([name, value]) => {
      bytes += Buffer.byteLength(name, "latin1") + Buffer.byteLength(value, "latin1") + entryOverheadBytes;
      return bytes > this.#tableBytes;
    });
    if (kept >= 0) this.#entries = this.#entries.slice(0, kept);
  }
}

/** A literal field: section 6.2. */
export function literal(
  pattern: number,
  prefix: number,
  index: number | undefined,
  name: string,
  value: string,
): Buffer {
  const names = index === undefined ? [Buffer.of(pattern), text(name)] : [integer(index, prefix, pattern)];
  return Buffer.concat([...names, text(value)]);
}

/** Section 5.2, without Huffman's code. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value, "latin1");
  return Buffer.concat([integer(bytes.length, 7, 0), bytes]);
}

/** Section 5.1. @param pattern the bits in front of the prefix */
export function integer(value: number, prefix: number, pattern: number): Buffer {
  const max = 2 ** prefix - 1;
  if (value < max) return Buffer.of(pattern | value);
  const bytes = [pattern | max];
  let rest = value - max;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}
