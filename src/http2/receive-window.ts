/**
 * What a client may still send, on a stream or on a connection: RFC 9113, section 5.2. Bytes that have been used are given back as they
 * are read, and announced once they are as many as the client has left: half of the window, where it is read as fast as it is sent.
 */
export class ReceiveWindow {
  readonly #bytes: number;
  #used = 0;
  /** Of those that are used, what is free again and has not been announced. */
  #free = 0;

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  /** @returns false if the client has sent more than it may */
  use(bytes: number): boolean {
    this.#used += bytes;
    return this.#used <= this.#bytes;
  }

  giveBack(bytes: number): void {
    this.#free += bytes;
  }

  /** @returns what to announce in a WINDOW_UPDATE now, or 0 */
  announce(): number {
    const announced = this.#free;
    // What the client has left. Half of the window would not do: what nobody takes may be more than that.
    if (announced === 0 || announced < this.#bytes - this.#used) return 0;
    this.#used -= announced;
    this.#free = 0;
    return announced;
  }
}
