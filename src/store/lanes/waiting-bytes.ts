/** The bytes that wait in all lanes, with a limit. */
export class WaitingBytes {
  readonly #max: number;
  #waiting = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** Whether so many bytes more may wait. If nothing waits, any number may. */
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
