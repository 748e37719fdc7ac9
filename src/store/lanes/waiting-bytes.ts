/** How much waits, against a bound. */
export class WaitingBytes {
  readonly #max: number;
  #waiting = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** Whether so much more may wait. What is alone may, however large it is. */
  hasRoomFor(bytes: number): boolean {
    return this.#waiting === 0 || this.#waiting + bytes <= this.#max;
  }

  add(bytes: number): void {
    this.#waiting += bytes;
  }

  remove(bytes: number): void {
    this.#waiting -= bytes;
  }
}
