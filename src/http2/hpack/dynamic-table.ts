/** The fields that a connection's peer has added: RFC 7541, sections 2.3.2 and 4. */
import { HpackError } from "./hpack-error.ts";
import type { RequestField } from "./request-field.ts";

/** Each field counts for so many bytes more than its name and its value: section 4.1. */
const fieldOverheadBytes = 32;
/** The size of a table until the ends agree on another: RFC 9113, section 6.5.2. */
export const initialTableBytes = 4096;

export function fieldBytes(name: string, value: string): number {
  return name.length + value.length + fieldOverheadBytes;
}

/** A new array begins once so many fields, and half of all, have been evicted. */
const minEvicted = 64;

/** First in, first out, within a size in bytes. */
export class DynamicTable {
  readonly #limitBytes: number;
  #maxBytes = initialTableBytes;
  #bytes = 0;
  /** From the oldest, after fields that have been evicted. */
  #fields: (RequestField | undefined)[] = [];
  #evicted = 0;

  /** @param limitBytes the most that the peer may make of it */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** A field by its age: the newest has the age 0. There may be none. */
  at(age: number): RequestField | undefined {
    const position = this.#fields.length - 1 - age;
    return position < this.#evicted ? undefined : this.#fields[position];
  }

  /** Evicts the oldest fields to make room. A field larger than the table empties it, and is not added: section 4.4. */
  add(field: RequestField): void {
    const { bytes } = field;
    this.#evictDownTo(this.#maxBytes - bytes);
    if (bytes > this.#maxBytes) return;
    this.#fields.push(field);
    this.#bytes += bytes;
  }

  /**
   * Section 4.3.
   *
   * @throws HpackError if the size is over the limit
   */
  resize(bytes: number): void {
    if (bytes > this.#limitBytes) {
      throw new HpackError(`a table of ${bytes} bytes is larger than the limit of ${this.#limitBytes}`);
    }
    this.#maxBytes = bytes;
    this.#evictDownTo(bytes);
  }

  #evictDownTo(bytes: number): void {
    for (; this.#bytes > bytes; this.#evicted++) {
      const field = this.#fields[this.#evicted];
      if (field === undefined) break;
      this.#bytes -= field.bytes;
      this.#fields[this.#evicted] = undefined;
    }
    if (this.#evicted < minEvicted || this.#evicted * 2 < this.#fields.length) return;
    this.#fields = this.#fields.slice(this.#evicted);
    this.#evicted = 0;
  }
}
