/** The room left in one call to the store. An item that is larger than a whole call gets a call of its own. */
export class CallRoom {
  #items: number;
  #bytes: number;
  #isEmpty = true;

  constructor(maxItems: number, maxBytes: number) {
    this.#items = maxItems;
    this.#bytes = maxBytes;
  }

  /** How many more items fit at most. */
  get items(): number {
    return this.#items;
  }

  /** Adds an item of so many bytes, if it fits. */
  takes(bytes: number): boolean {
    if (this.#items === 0 || (bytes > this.#bytes && !this.#isEmpty)) return false;
    this.#items--;
    this.#bytes -= bytes;
    this.#isEmpty = false;
    return true;
  }
}
