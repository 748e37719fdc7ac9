/** Where an item stands in a queue, while it does. */
export interface Place<Item> {
  item: Item | undefined;
  before: Place<Item> | undefined;
  after: Place<Item> | undefined;
}

/**
 * First in, first out; what is in between may be removed too. Nothing here takes longer the more there is.
 *
 * It is a chain, of which each link is cut on the way out: the rests of an array, once they are among V8's old objects,
 * would keep what still stands in the queue alive for long after it has left.
 */
export class Fifo<Item extends object> {
  #head: Place<Item> | undefined;
  #tail: Place<Item> | undefined;

  /** @returns its place, by which it can be removed */
  push(item: Item): Place<Item> {
    const place: Place<Item> = { item, before: this.#tail, after: undefined };
    if (this.#tail === undefined) this.#head = place;
    else this.#tail.after = place;
    this.#tail = place;
    return place;
  }

  get first(): Item | undefined {
    return this.#head?.item;
  }

  /** Takes the first. */
  shift(): Item | undefined {
    const { first } = this;
    if (this.#head !== undefined) this.remove(this.#head);
    return first;
  }

  /** Does nothing where that has been taken. */
  remove(place: Place<Item>): void {
    if (place.item === undefined) return;
    const { before, after } = place;
    if (before === undefined) this.#head = after;
    else before.after = after;
    if (after === undefined) this.#tail = before;
    else after.before = before;
    place.item = undefined;
    place.before = undefined;
    place.after = undefined;
  }
}
