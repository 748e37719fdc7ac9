/** Has a conversation with a server, and observes the answers. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { flags, frame, framesIn, preface } from "../../support/http2-frames.ts";
import { below, seededRandom } from "../../support/random.ts";
import { bytesOf, type Conversation, type Step } from "./conversation.ts";
import { windowOf } from "./generate.ts";
import { type ObservedStream, ReceivedFrames } from "./received-frames.ts";
import { SentBytes } from "./sent-bytes.ts";

export interface Observed {
  /** The answers at each point where the server had done all that it could. */
  readonly settled: readonly ReadonlyMap<number, ObservedStream>[];
  readonly streams: ReadonlyMap<number, ObservedStream>;
  /** `open`, `closed`, or why it was closed. */
  readonly connection: string;
  readonly pongs: readonly string[];
  readonly settingsAcks: number;
  /** Streams that the client has reset. */
  readonly resets: ReadonlySet<number>;
  /** What the server has done that no server may do. */
  readonly violations: readonly string[];
}

/** How long a server may take for anything, in milliseconds. A busy machine takes a few. */
const patience = 10_000;
/** The server is idle once it has answered so many PINGs in a row with nothing else between. */
const idlePings = 3;
/** Less is given back later: through a window of a byte, a long answer would take for ever. */
const minGivenBack = 8_192;
const clientAddresses = 200;
let connections = 0;

/**
 * @param slowly lets the server settle after each frame
 * @throws Error if the server neither answers nor closes the connection
 */
export async function converse(
  port: number,
  conversation: Conversation,
  { slowly = false, patienceMs = patience } = {},
): Promise<Observed> {
  // One address has too few ports for a long run.
  const localAddress = `127.0.1.${1 + (connections++ % clientAddresses)}`;
  // A socket that has ended itself cannot be reset: Node would leave it open.
  const socket = connect({ host: "127.0.0.1", port, localAddress, noDelay: true, allowHalfOpen: true });
  await once(socket, "connect");
  const talk = new Talk(socket, patienceMs);
  try {
    return await talk.run(conversation, slowly);
  } finally {
    socket.resetAndDestroy();
  }
}

class Talk {
  readonly #socket: Socket;
  readonly #patienceMs: number;
  readonly #sent = new SentBytes();
  readonly #received = new ReceivedFrames(this.#sent);
  readonly #settled: ReadonlyMap<number, ObservedStream>[] = [];
  #rest: Buffer = Buffer.alloc(0);
  /** Frames that the client sends by itself, once it is between frames of the conversation. */
  #due: Buffer[] = [];
  /** Bytes that have not been given back, by streams; 0 is the connection. */
  readonly #taken = new Map<number, number>();
  #isClosed = false;
  #frames = 0;
  #pings = 0;
  #wake: (() => void) | undefined;

  constructor(socket: Socket, patienceMs: number) {
    this.#socket = socket;
    this.#patienceMs = patienceMs;
    const close = () => {
      this.#isClosed = true;
      this.#wake?.();
    };
    socket
      .on("data", (chunk: Buffer) => this.#read(chunk))
      .on("error", () => {})
      .on("end", close)
      .on("close", close);
  }

  async run({ steps, cuts }: Conversation, slowly: boolean): Promise<Observed> {
    const [first, ...others] = steps;
    this.#socket.write(preface.subarray(0, 24));
    this.#send(first === undefined || first === "settle" ? Buffer.alloc(0) : bytesOf(first));
    await this.#until(() => this.#received.hasSettings);
    this.#due.push(frame("settings", flags.ack, 0));
    this.#sendDue();
    for (const part of partsOf(others, slowly)) {
      if (part === "settle") await this.#settle();
      else await this.#sendAll(part, cuts);
    }
    this.#fill();
    await this.#settle(true);
    const { goaways } = this.#received;
    const closed = goaways.length === 0 ? "closed" : `closed with ${goaways.at(-1)}`;
    return {
      settled: this.#settled,
      streams: this.#received.streams,
      connection: this.#isClosed ? closed : "open",
      pongs: this.#received.pongs.filter((pong) => !pong.startsWith("settle")),
      settingsAcks: this.#received.settingsAcks,
      resets: this.#sent.resets,
      violations: this.#received.violations,
    };
  }

  async #sendAll(bytes: Buffer, cuts: number | undefined): Promise<void> {
    if (cuts === undefined) return this.#send(bytes);
    const random = seededRandom(cuts + bytes.length);
    for (let at = 0; at < bytes.length && !this.#isClosed; ) {
      const length = 1 + below(random, random() < 0.3 ? 12 : 4_000);
      this.#send(bytes.subarray(at, at + length));
      at += length;
      // Else the kernel may put them together again.
      await new Promise(setImmediate);
    }
  }

  #send(bytes: Buffer): void {
    if (this.#isClosed || bytes.length === 0) return;
    this.#sent.add(bytes);
    this.#socket.write(bytes);
    this.#sendDue();
  }

  #sendDue(): void {
    if (this.#due.length === 0 || !this.#sent.isBetweenFrames) return;
    const bytes = Buffer.concat(this.#due.splice(0));
    this.#send(bytes);
  }

  /** Ends a frame that says that it is longer than it is. */
  #fill(): void {
    for (let { missing } = this.#sent; missing && !this.#isClosed; { missing } = this.#sent)
      this.#send(Buffer.alloc(missing));
  }

  /** @param isEnd whether nothing follows: PING may break the protocol then */
  async #settle(isEnd = false): Promise<void> {
    if (!isEnd && !this.#sent.isBetweenFrames) return;
    for (let quiet = 0; quiet < idlePings && !this.#isClosed; ) {
      const before = this.#frames;
      const payload = `settle${String.fromCharCode(this.#pings >> 8, this.#pings++ & 0xff)}`;
      // In a block of headers, it breaks the protocol, and the server closes the connection.
      this.#send(frame("ping", 0, 0, Buffer.from(payload, "latin1")));
      await this.#until(() => this.#received.pongs.includes(payload));
      quiet = this.#frames === before + 1 ? quiet + 1 : 0;
    }
    if (!this.#isClosed) this.#settled.push(this.#received.streams);
  }

  /** Resolves once it is so, or the connection is closed. */
  async #until(isSo: () => boolean): Promise<void> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#wake?.();
    }, this.#patienceMs);
    try {
      while (!isSo() && !this.#isClosed) {
        if (late) throw new Error("the server hangs: it neither answers nor closes the connection");
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #giveBack(stream: number, bytes: number): void {
    const taken = (this.#taken.get(stream) ?? 0) + bytes;
    this.#taken.set(stream, taken < minGivenBack ? taken : 0);
    if (taken >= minGivenBack) this.#due.push(frame("windowUpdate", 0, stream, windowOf(taken)));
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    for (const one of framesIn(bytes)) {
      at += 9 + one.payload.length;
      this.#frames++;
      const { bytes: taken, isOpen } = this.#received.add(one);
      this.#giveBack(0, taken);
      if (isOpen && !this.#sent.resets.has(one.stream)) this.#giveBack(one.stream, taken);
    }
    this.#rest = bytes.subarray(at);
    this.#sendDue();
    this.#wake?.();
  }
}

/** The bytes between the points where the server settles. */
function partsOf(steps: readonly Step[], slowly: boolean): (Buffer | "settle")[] {
  const parts: (Buffer | "settle")[] = [];
  let frames: Buffer[] = [];
  const end = () => {
    if (frames.length > 0) parts.push(Buffer.concat(frames));
    frames = [];
  };
  for (const step of steps) {
    if (step !== "settle") frames.push(bytesOf(step));
    if (step === "settle" || slowly) {
      end();
      parts.push("settle");
    }
  }
  end();
  return parts;
}
