/** Conversations of a client that keeps to the rules. */
import { flags, frameTypes } from "../../support/http2-frames.ts";
import { type Field, HeaderEncoder } from "../../support/http2-header-encoder.ts";
import { below, oneOf, type Random } from "../../support/random.ts";
import type { Conversation, Step } from "./conversation.ts";
import { requestPlan, trailerFields } from "./requests.ts";

export const moreFlags = { ...flags, padded: 8, priority: 32 } as const;
const cancel: Buffer = Buffer.of(0, 0, 0, 8);

/** A stream that the client has not ended. */
interface OpenStream {
  readonly id: number;
  /** Bytes that `content-length` still announces. */
  left: number | undefined;
}

/** The largest sum of bodies on one stream: less than its window. */
const maxBodyBytes = 60_000;

/** A client that keeps to the rules while its methods are called, in any order. */
export class Client {
  readonly steps: Step[] = [];
  readonly encoder: HeaderEncoder;
  readonly random: Random;
  /** Streams that the client has begun. */
  readonly begun: number[] = [];
  #open: OpenStream[] = [];
  #nextId = 1;
  #bodyBytes = 0;

  constructor(random: Random) {
    this.random = random;
    this.encoder = new HeaderEncoder(random);
    this.push("settings", 0, 0, firstSettings(random));
  }

  get nextId(): number {
    return this.#nextId;
  }

  get open(): readonly OpenStream[] {
    return this.#open;
  }

  push(type: keyof typeof frameTypes, flagBits: number, stream: number, payload: Buffer): void {
    this.steps.push({ type: frameTypes[type], flags: flagBits, stream, payload });
  }

  /** @param fields of a request, or of trailers */
  headers(stream: number, fields: readonly Field[], isLast: boolean): void {
    this.block(stream, this.encoder.encode(fields), isLast);
  }

  /** HEADERS, and CONTINUATION now and then. */
  block(stream: number, block: Buffer, isLast: boolean): void {
    const { random } = this;
    const cuts = random() < 0.15 ? 1 + below(random, 3) : 0;
    const edges = Array.from({ length: cuts }, () => below(random, block.length + 1)).sort((a, b) => a - b);
    const parts = [0, ...edges].map((from, index) => block.subarray(from, edges[index]));
    parts.forEach((part, index) => {
      const end = index === parts.length - 1 ? moreFlags.endHeaders : 0;
      if (index > 0) this.push("continuation", end, stream, part);
      else this.#head(stream, part, end | (isLast ? moreFlags.endStream : 0));
    });
  }

  #head(stream: number, part: Buffer, flagBits: number): void {
    const { random } = this;
    const hasPriority = random() < 0.1;
    const priority = Buffer.of(0, 0, 0, 0, below(random, 256));
    const withPriority = hasPriority ? Buffer.concat([priority, part]) : part;
    const allFlags = flagBits | (hasPriority ? moreFlags.priority : 0);
    if (random() < 0.1)
      this.push("headers", allFlags | moreFlags.padded, stream, padded(withPriority, below(random, 50)));
    else this.push("headers", allFlags, stream, withPriority);
  }

  begin(): void {
    const { random } = this;
    const { fields, announced, method } = requestPlan(random);
    const id = this.#nextId;
    this.#nextId += random() < 0.1 ? 2 * (1 + below(random, 5)) : 2;
    const hasBody = method === "POST" || method === "PUT" ? random() < 0.85 : random() < 0.1;
    // Some say that they send a body, and do not.
    const isLast = !hasBody && (announced === undefined || announced === 0 || random() < 0.3);
    this.headers(id, fields, isLast);
    this.begun.push(id);
    if (!isLast) this.#open.push({ id, left: announced });
  }

  data(): void {
    const { random } = this;
    const stream = this.#pick();
    if (stream === undefined) {
      this.begin();
      return;
    }
    const isLast = random() < 0.35;
    const size = oneOf(random, [0, 1, 5, 5, 100, 1_000, 5_000, 16_000]);
    // Mostly as content-length says.
    const keeps = stream.left !== undefined && random() < 0.9;
    const left = stream.left ?? size;
    const length = Math.min(!keeps ? size : isLast ? left : Math.min(size, left), this.#room());
    if (stream.left !== undefined) stream.left = Math.max(0, stream.left - length);
    this.#bodyBytes += length;
    const bytes = Buffer.alloc(length, String.fromCharCode(97 + below(random, 26)));
    const end = isLast ? moreFlags.endStream : 0;
    if (random() < 0.15) this.push("data", end | moreFlags.padded, stream.id, padded(bytes, below(random, 200)));
    else this.push("data", end, stream.id, bytes);
    if (isLast) this.#close(stream);
  }

  trailers(): void {
    const stream = this.#pick();
    if (stream === undefined) {
      this.begin();
      return;
    }
    this.headers(stream.id, trailerFields(this.random), true);
    this.#close(stream);
  }

  reset(): void {
    const id = this.anyBegun();
    if (id === undefined) {
      this.begin();
      return;
    }
    this.push("reset", 0, id, oneOf(this.random, [cancel, Buffer.alloc(4), Buffer.of(0, 0, 0, 99)]));
    const stream = this.#open.find((one) => one.id === id);
    if (stream !== undefined) this.#close(stream);
  }

  anyBegun(): number | undefined {
    return this.begun.length === 0 ? undefined : oneOf(this.random, this.begun);
  }

  update(): void {
    const stream = this.random() < 0.3 ? 0 : (this.anyBegun() ?? 0);
    this.push("windowUpdate", 0, stream, windowOf(oneOf(this.random, [1, 10, 1_000, 65_535, 1_000_000])));
  }

  #room(): number {
    return Math.max(0, maxBodyBytes - this.#bodyBytes);
  }

  #pick(): OpenStream | undefined {
    return this.#open.length === 0 ? undefined : oneOf(this.random, this.#open);
  }

  #close(stream: OpenStream): void {
    this.#open = this.#open.filter((one) => one !== stream);
  }
}

/** What a client does, and how often. */
const acts: readonly (readonly [weight: number, act: (client: Client) => void])[] = [
  [30, (client) => client.begin()],
  [40, (client) => client.data()],
  [6, (client) => client.trailers()],
  [4, (client) => client.reset()],
  [6, (client) => client.update()],
  [2, (client) => client.push("ping", 0, 0, Buffer.from("pingpong"))],
  [3, (client) => client.push("priority", 0, priorityStream(client), Buffer.of(0, 0, 0, 0, 7))],
  [2, (client) => client.push("settings", 0, 0, laterSettings(client.random))],
  [
    1,
    (client) => client.steps.push({ type: 77, flags: 255, stream: below(client.random, 9), payload: Buffer.alloc(9) }),
  ],
  [5, (client) => client.steps.push("settle")],
];
const allWeights = acts.reduce((sum, [weight]) => sum + weight, 0);

export function wellFormed(random: Random): { readonly client: Client; readonly conversation: Conversation } {
  const client = new Client(random);
  for (let left = 3 + below(random, 30); left > 0; left--) oneAct(client);
  // Windows that were small open late.
  if (random() < 0.5) {
    client.steps.push("settle");
    for (const id of client.begun) client.push("windowUpdate", 0, id, windowOf(500_000));
    client.push("windowUpdate", 0, 0, windowOf(5_000_000));
  }
  if (random() < 0.05) client.push("goAway", 0, 0, Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 98, 121, 101]));
  return { client, conversation: { steps: client.steps, cuts: random() < 0.5 ? below(random, 1e6) : undefined } };
}

function oneAct(client: Client): void {
  let at = client.random() * allWeights;
  for (const [weight, act] of acts) {
    at -= weight;
    if (at >= 0) continue;
    act(client);
    return;
  }
}

function priorityStream({ random, begun }: Client): number {
  return random() < 0.5 || begun.length === 0 ? 1 + below(random, 50) : oneOf(random, begun);
}

export function padded(bytes: Buffer, padding: number): Buffer {
  return Buffer.concat([Buffer.of(padding), bytes, Buffer.alloc(padding)]);
}

export function windowOf(by: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(by);
  return payload;
}

export function settingsOf(...values: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.alloc(6 * values.length);
  values.forEach(([id, value], index) => {
    payload.writeUInt16BE(id, 6 * index);
    payload.writeUInt32BE(value, 6 * index + 2);
  });
  return payload;
}

function firstSettings(random: Random): Buffer {
  const values: (readonly [number, number])[] = [];
  if (random() < 0.4) values.push([4, oneOf(random, [0, 1, 10, 1_000, 1_000_000, 2 ** 31 - 1])]);
  if (random() < 0.3) values.push([1, oneOf(random, [0, 40, 100, 4_096, 65_536])]);
  if (random() < 0.2) values.push([5, oneOf(random, [16_384, 20_000, 2 ** 24 - 1])]);
  if (random() < 0.2) values.push([2, 0]);
  if (random() < 0.2) values.push([3, oneOf(random, [0, 100])]);
  if (random() < 0.2) values.push([6, 100_000]);
  if (random() < 0.2) values.push([0xabc, 12]);
  return settingsOf(...values);
}

function laterSettings(random: Random): Buffer {
  if (random() < 0.3) return settingsOf([1, oneOf(random, [0, 100, 4_096])]);
  if (random() < 0.3) return Buffer.alloc(0);
  return settingsOf([4, oneOf(random, [0, 100, 65_535, 200_000])]);
}
