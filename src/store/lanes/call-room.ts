/** What one call to a store may still take. A single item that is larger than a call may be is a call of its own. */
export class CallRoom {
  #items: number;
  #bytes: number;
  #isEmpty = true;

  constructor(maxItems: number, maxBytes: number) {
    this.#items = maxItems;
    this.#bytes = maxBytes;
  }

  /** How many more items it takes at most. */
  get items(): number {
    return this.#items;
  }

  /** Whether it takes an item of so many bytes, which it then has. */
  takes(bytes: number): boolean {
    if (this.#items === 0 || (bytes > this.#bytes && !this.#isEmpty)) return false;
    this.#items--;
    this.#bytes -= bytes;
    this.#isEmpty = false;
    return true;
  }
}
