/** What has been taken is let go of once it is half of what is kept, and so much at least. */
const leastTaken = 32;

/** First in, first out; what is in between may be removed too. Nothing here takes longer the more there is. */
export class Fifo<Item extends object> {
  #items: (Item | undefined)[] = [];
  /** The place of the first of `#items`; places only grow. */
  #firstPlace = 0;
  /** Where the first may be that has neither been taken nor removed. */
  #head = 0;

  /** @returns its place, by which it can be removed */
  push(item: Item): number {
    this.#items.push(item);
    return this.#firstPlace + this.#items.length - 1;
  }

  get first(): Item | undefined {
    while (this.#head < this.#items.length) {
      const item = this.#items[this.#head];
      if (item !== undefined) return item;
      this.#head++;
    }
    return undefined;
  }

  /** Takes the first. */
  shift(): Item | undefined {
    const { first } = this;
    if (first === undefined) return undefined;
    this.#items[this.#head++] = undefined;
    if (this.#head >= leastTaken && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#firstPlace += this.#head;
      this.#head = 0;
    }
    return first;
  }

  /** Does nothing where that has been taken. */
  remove(place: number): void {
    const index = place - this.#firstPlace;
    if (index >= this.#head) this.#items[index] = undefined;
  }
}
