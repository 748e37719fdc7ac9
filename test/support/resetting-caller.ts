/** A caller over raw HTTP/2 who resets some of its calls at once. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { flags, frame, framesIn, frameTypes, headerBlock, preface } from "./http2-frames.ts";
import { until } from "./until.ts";

const cancel = Buffer.of(0, 0, 0, 8);

export class ResettingCaller {
  readonly socket: Socket;
  readonly #headers: Buffer;
  #received = Buffer.alloc(0);
  #answers = 0;
  #next = 1;

  private constructor(socket: Socket, headers: Readonly<Record<string, string>>) {
    this.socket = socket;
    this.#headers = headerBlock({
      ":method": "POST",
      ":scheme": "http",
      ":path": "/",
      ":authority": "localhost",
      ...headers,
    });
    socket
      .on("error", () => {})
      .on("data", (piece: Buffer) => this.#read(piece))
      .write(preface);
  }

  /**
   * @param localAddress from where it calls
   * @param headers of each call, beside the usual ones
   */
  static async connect(
    port: number,
    {
      localAddress = "127.0.0.1",
      headers = {},
    }: { localAddress?: string | undefined; headers?: Readonly<Record<string, string>> } = {},
  ): Promise<ResettingCaller> {
    const socket = connect({ host: "127.0.0.1", port, localAddress, noDelay: true });
    await once(socket, "connect");
    return new ResettingCaller(socket, headers);
  }

  /** Resolves once all calls but those that it resets are answered, or the connection is closed. */
  async call(count: { readonly answered: number; readonly reset: number }): Promise<void> {
    const before = this.#answers;
    const calls = [
      ...Array.from({ length: count.answered }, () => this.#begin(flags.endStream)),
      ...Array.from({ length: count.reset }, () => {
        const begun = this.#begin(0);
        return Buffer.concat([begun, frame("reset", 0, this.#next - 2, cancel)]);
      }),
    ];
    await new Promise<unknown>((resolve) => this.socket.write(Buffer.concat(calls), resolve));
    await until(() => this.socket.closed || this.#answers === before + count.answered);
  }

  #begin(flag: number): Buffer {
    const stream = this.#next;
    this.#next += 2;
    return frame("headers", flags.endHeaders | flag, stream, this.#headers);
  }

  #read(piece: Buffer): void {
    const received = Buffer.concat([this.#received, piece]);
    const frames = framesIn(received);
    this.#answers += frames.filter(({ type }) => type === frameTypes.headers).length;
    this.#received = received.subarray(frames.reduce((bytes, { payload }) => bytes + 9 + payload.length, 0));
  }
}
