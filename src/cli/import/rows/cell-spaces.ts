import { type CsvLayout, isSpace } from "./csv-layout.ts";
import { carriageReturn, lineFeed } from "./line-ends.ts";
import { maxRowBytes } from "./row.ts";

const quote = 0x22;

/** Where in a cell the next byte is. Quotes may stand for themselves inside quotes, as two of them. */
type Place =
  | "at its beginning"
  | "in its text"
  | "in quotes"
  /** It closes the quotes, or is the first of two. */
  | "after a quote"
  | "after its quotes";

/**
 * Removes spaces and tabs around quoted cells, where the parser expects none, and around names in the header. If cells are
 * trimmed, it removes those around all cells. It reads quotes as csv-parse does: a quote closes a cell only at the cell's end.
 *
 *     place              space              quote           delimiter, line end   other
 *     at its beginning   stays              in quotes       at its beginning      in its text
 *     in its text        stays              in its text     at its beginning      in its text
 *     in quotes          stays              after a quote   in quotes             in quotes
 *     after a quote      after its quotes   in quotes       at its beginning      in quotes
 *     after its quotes   stays              after a quote   at its beginning      in quotes
 */
export class CellSpaces {
  readonly #delimiter: number;
  readonly #trimsCells: boolean;
  readonly #carriageReturnsEnd: boolean;
  /** Whether spaces around cells without quotes are removed. */
  #trims = true;
  /** Whether the header has begun, which blank lines may precede. */
  #hasHeader = false;
  #place: Place = "at its beginning";
  /** Spaces read last. The next byte decides whether they are part of the cell. */
  #held: number[] = [];

  /** @param trimsCells whether spaces around cells without quotes are removed too */
  constructor(delimiter: number, trimsCells: boolean, { endsWithCarriageReturns }: CsvLayout) {
    this.#delimiter = delimiter;
    this.#trimsCells = trimsCells;
    this.#carriageReturnsEnd = endsWithCarriageReturns;
  }

  push(chunk: Buffer): Buffer {
    const out = Buffer.allocUnsafe(this.#held.length + chunk.length);
    let length = 0;
    const keepHeld = () => {
      for (const byte of this.#held) out[length++] = byte;
      this.#held = [];
    };
    for (let at = 0; at < chunk.length; at++) {
      for (const end = this.#sureUntil(chunk, at); at < end; at++) out[length++] = chunk[at] ?? 0;
      const byte = chunk[at];
      if (byte === undefined) break;
      if (this.#isSpace(byte)) {
        if (this.#place === "after a quote") this.#place = "after its quotes";
        this.#held.push(byte);
        if (this.#held.length > maxRowBytes) keepHeld();
        continue;
      }
      if (this.#keepsSpacesBefore(byte)) keepHeld();
      else this.#held = [];
      if (byte === this.#delimiter || !this.#endsCell(byte)) this.#hasHeader = true;
      else if (this.#hasHeader) this.#trims = this.#trimsCells;
      this.#place = this.#placeAfter(byte);
      out[length++] = byte;
    }
    return out.subarray(0, length);
  }

  /** @returns the last bytes of the file */
  end(): Buffer {
    return Buffer.from(this.#keepsSpacesBefore(lineFeed) ? this.#held : []);
  }

  /** Skips bytes that are part of the cell whatever follows. @returns where they end */
  #sureUntil(chunk: Buffer, from: number): number {
    const delimiter = this.#delimiter;
    let at = from;
    if (this.#place === "in quotes") {
      while (at < chunk.length && chunk[at] !== quote) at++;
    } else if (this.#place === "in its text" && !this.#trims && this.#held.length === 0) {
      for (; at < chunk.length; at++) {
        const byte = chunk[at];
        if (byte === delimiter || byte === lineFeed || byte === carriageReturn) break;
      }
    }
    return at;
  }

  #endsCell(byte: number): boolean {
    return byte === this.#delimiter || byte === lineFeed || (byte === carriageReturn && this.#carriageReturnsEnd);
  }

  /** A carriage return that does not end a record belongs to the line feed after it. */
  #isSpace(byte: number): boolean {
    return isSpace(byte, this.#delimiter) || (byte === carriageReturn && !this.#carriageReturnsEnd);
  }

  #keepsSpacesBefore(byte: number): boolean {
    if (this.#place === "at its beginning") return !this.#trims && byte !== quote;
    if (this.#endsCell(byte)) return this.#place === "in its text" && !this.#trims;
    return true;
  }

  /** @param byte not a space; in quotes, only a quote */
  #placeAfter(byte: number): Place {
    if (this.#place === "in quotes") return "after a quote";
    if (this.#endsCell(byte)) return "at its beginning";
    if (this.#place === "in its text") return "in its text";
    if (this.#place === "at its beginning") return byte === quote ? "in quotes" : "in its text";
    if (this.#place === "after its quotes") return byte === quote ? "after a quote" : "in quotes";
    return "in quotes";
  }
}
