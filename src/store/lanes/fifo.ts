/** The place of an item in a queue, while it is there. */
export interface Place<Item> {
  item: Item | undefined;
  before: Place<Item> | undefined;
  after: Place<Item> | undefined;
}

/**
 * A queue from which items in the middle can be removed too. Every operation takes constant time.
 *
 * It is a linked list whose links are cut on removal. Once an array is among V8's old objects, what is left of it would
 * keep items alive long after they left the queue.
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

  /** Removes the first item, and returns it. */
  shift(): Item | undefined {
    const { first } = this;
    if (this.#head !== undefined) this.remove(this.#head);
    return first;
  }

  /** Does nothing if the item has left the queue. */
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
