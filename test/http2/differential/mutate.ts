/** What is done to a conversation so that it breaks rules. */
import { frameTypes } from "../../support/http2-frames.ts";
import { integer, literal } from "../../support/http2-header-encoder.ts";
import { below, oneOf, type Random } from "../../support/random.ts";
import type { Conversation, RawFrame, Step } from "./conversation.ts";
import { Client, moreFlags, padded, settingsOf, windowOf } from "./generate.ts";
import { requestPlan, type Spoil, spoils } from "./requests.ts";

/** @param client who has made the conversation */
export function mutated({ steps, cuts }: Conversation, client: Client): Conversation {
  const { random } = client;
  let changed = steps;
  for (let left = 1 + below(random, 2); left > 0; left--) {
    // The first frame is the client's SETTINGS.
    const at = random() < 0.02 ? 0 : 1 + below(random, Math.max(1, changed.length - 1));
    const step = changed[at];
    if (random() < 0.45 || step === undefined || step === "settle") {
      const added = random() < spoiltShare ? spoilt(client) : oneOf(random, insertions)(client);
      const barrier: Step[] = random() < 0.5 ? ["settle"] : [];
      changed = changed.toSpliced(at + 1, 0, ...barrier, ...added);
    } else changed = oneOf(random, alterations)(changed, at, step, random);
  }
  return { steps: changed, cuts };
}

type Alteration = (steps: readonly Step[], at: number, frame: RawFrame, random: Random) => readonly Step[];

const replacing =
  (change: (frame: RawFrame, random: Random) => RawFrame): Alteration =>
  (steps, at, frame, random) =>
    steps.with(at, change(frame, random));

const alterations: readonly Alteration[] = [
  (steps, at) => steps.toSpliced(at, 1),
  (steps, at, frame) => steps.toSpliced(at, 0, frame),
  (steps, at, frame, random) => steps.toSpliced(at, 1).toSpliced(1 + below(random, steps.length), 0, frame),
  replacing((frame, random) => ({ ...frame, flags: frame.flags ^ (1 << below(random, 8)) })),
  replacing((frame, random) => ({ ...frame, flags: below(random, 256) })),
  replacing((frame, random) => ({ ...frame, stream: (frame.stream ^ (1 << below(random, 6))) >>> 0 })),
  replacing((frame, random) => ({ ...frame, stream: (frame.stream ^ (1 << below(random, 32))) >>> 0 })),
  replacing((frame, random) => ({ ...frame, stream: below(random, 12) })),
  replacing((frame, random) => ({ ...frame, type: below(random, 11) })),
  replacing((frame, random) => ({ ...frame, type: frame.type ^ (1 << below(random, 8)) })),
  replacing((frame, random) => ({ ...frame, length: frame.payload.length ^ (1 << below(random, 8)) })),
  replacing((frame, random) => ({ ...frame, length: (frame.payload.length ^ (1 << below(random, 24))) & 0xff_ffff })),
  replacing((frame, random) => ({
    ...frame,
    payload: frame.payload.subarray(0, below(random, frame.payload.length + 1)),
  })),
  replacing((frame, random) => ({
    ...frame,
    payload: Buffer.concat([frame.payload, Buffer.alloc(1 + below(random, 9))]),
  })),
  replacing((frame, random) => ({ ...frame, payload: flipped(frame.payload, random) })),
  replacing((frame, random) => ({ ...frame, payload: flipped(flipped(frame.payload, random), random) })),
];

function flipped(payload: Buffer, random: Random): Buffer {
  if (payload.length === 0) return payload;
  const copy = Buffer.from(payload);
  const at = below(random, Math.min(copy.length, 200));
  copy[at] = (copy[at] ?? 0) ^ (1 << below(random, 8));
  return copy;
}

type Insertion = (client: Client) => RawFrame[];

const one = (type: keyof typeof frameTypes, flags: number, stream: number, payload: Buffer): RawFrame[] => [
  { type: frameTypes[type], flags, stream, payload },
];
/** On a stream that may be open, closed or idle. */
const anywhere = (client: Client): number =>
  oneOf(client.random, [client.anyBegun() ?? 1, client.anyBegun() ?? 1, client.nextId + 2, 2, 0]);
const all = moreFlags.endHeaders | moreFlags.endStream;

/** A request with the header block of `make`, on the next stream. */
function request(client: Client, block: Buffer, flags: number = all): RawFrame[] {
  return one("headers", flags, client.nextId + 100, block);
}

const fine = (random: Random): Buffer =>
  Buffer.concat([
    Buffer.of(0x82, 0x86),
    literal(0, 4, 4, ":path", oneOf(random, ["/echo", "/early"])),
    literal(0, 4, 1, "", "a"),
  ]);

const spoilt = (client: Client, spoil: Spoil = oneOf(client.random, Object.values(spoils))): RawFrame[] => {
  const { random, encoder } = client;
  const plan = requestPlan(random);
  const block = encoder.encode(spoil(plan.fields, random));
  const isLast = random() < 0.6 ? moreFlags.endStream : 0;
  const parts: Buffer[] = [];
  for (let at = 0; at === 0 || at < block.length; at += 16_000) parts.push(block.subarray(at, at + 16_000));
  return parts.flatMap((part, index) => {
    const end = index === parts.length - 1 ? moreFlags.endHeaders : 0;
    return index === 0 ? request(client, part, isLast | end) : one("continuation", end, client.nextId + 100, part);
  });
};

/** Header lists are one in so many insertions. */
const spoiltShare = 0.12;

const insertions: readonly Insertion[] = [
  // Trailers, good and bad.
  (client) => one("headers", all, anywhere(client), client.encoder.encode([["x-t", "1"]])),
  (client) => one("headers", all, anywhere(client), client.encoder.encode([[":path", "/"]])),
  (client) => one("headers", all, anywhere(client), client.encoder.encode([["Bad", "1"]])),
  (client) => one("headers", moreFlags.endHeaders, anywhere(client), client.encoder.encode([["x-t", "1"]])),
  (client) => one("headers", all, anywhere(client), fine(client.random)),
  (client) => one("data", 0, anywhere(client), Buffer.from("astray")),
  (client) => one("data", moreFlags.endStream, anywhere(client), Buffer.alloc(0)),
  (client) => one("data", moreFlags.padded, anywhere(client), Buffer.from([200, 1, 2])),
  (client) => one("data", moreFlags.padded, anywhere(client), Buffer.from([3, 1, 2])),
  (client) => one("data", moreFlags.padded, anywhere(client), Buffer.alloc(0)),
  (client) => one("data", moreFlags.padded, anywhere(client), padded(Buffer.alloc(0), 255)),
  (client) => one("headers", all | moreFlags.padded, client.nextId + 100, Buffer.from([200, 0x82])),
  (client) => request(client, Buffer.concat([Buffer.of(0, 0, 0, 0, 1), fine(client.random)]), all | moreFlags.priority),
  (client) =>
    request(
      client,
      Buffer.concat([windowOf(client.nextId + 100), Buffer.of(1), fine(client.random)]),
      all | moreFlags.priority,
    ),
  (client) => request(client, Buffer.of(0, 0, 0), all | moreFlags.priority),
  (client) => request(client, Buffer.alloc(0)),
  (client) => request(client, Buffer.of(0x80)),
  (client) => request(client, Buffer.of(0xbe + below(client.random, 60))),
  (client) =>
    request(client, Buffer.concat([fine(client.random), Buffer.from([0x40, 0x83, 0xff, 0xff, 0xff, 0x01, 0x61])])),
  (client) => request(client, Buffer.concat([fine(client.random), Buffer.from([0x00, 0x81, 0x1f, 0x01, 0x61])])),
  (client) => request(client, Buffer.concat([fine(client.random), Buffer.from([0x00, 0x01, 0x61, 0x82, 0x1f, 0xff])])),
  (client) => request(client, Buffer.concat([fine(client.random), Buffer.from([0x00, 0x01])])),
  (client) =>
    request(
      client,
      Buffer.concat([fine(client.random), Buffer.from([0x00, 0x01, 0x61, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f])]),
    ),
  (client) =>
    request(
      client,
      Buffer.concat([integer(oneOf(client.random, [0, 100, 4_096, 4_097, 65_536]), 5, 0x20), fine(client.random)]),
    ),
  (client) => request(client, Buffer.concat([Buffer.of(0x20, 0x3f, 0xe1, 0x1f), fine(client.random)])),
  (client) => request(client, Buffer.concat([fine(client.random), Buffer.of(0x20)])),
  (client) => request(client, fine(client.random), moreFlags.endHeaders),
  (client) => request(client, fine(client.random), moreFlags.endStream),
  (client) => one("headers", all, oneOf(client.random, [0, 2, client.nextId + 101]), fine(client.random)),
  (client) => one("continuation", moreFlags.endHeaders, anywhere(client), Buffer.alloc(0)),
  (client) => one("reset", 0, anywhere(client), Buffer.of(0, 0, 0, 8)),
  (client) => one("reset", 0, anywhere(client), Buffer.alloc(oneOf(client.random, [0, 3, 5]))),
  (client) => one("priority", 0, anywhere(client), Buffer.alloc(5)),
  (client) => one("priority", 0, anywhere(client), Buffer.alloc(oneOf(client.random, [0, 4, 6]))),
  () => one("priority", 0, 7, Buffer.of(0, 0, 0, 7, 1)),
  (client) => one("windowUpdate", 0, anywhere(client), windowOf(0)),
  (client) => one("windowUpdate", 0, anywhere(client), windowOf(2 ** 31 - 1)),
  (client) => one("windowUpdate", 0, anywhere(client), windowOf(2 ** 31)),
  (client) => one("windowUpdate", 0, anywhere(client), Buffer.alloc(oneOf(client.random, [0, 3, 5, 8]))),
  (client) => one("windowUpdate", 0, anywhere(client), windowOf(below(client.random, 1e5))),
  (client) => one("settings", 0, anywhere(client), settingsOf([4, 1_000])),
  (client) => one("settings", 0, 0, Buffer.alloc(1 + below(client.random, 12))),
  (client) => one("settings", moreFlags.ack, 0, Buffer.alloc(oneOf(client.random, [0, 6]))),
  (client) => one("settings", 0, 0, settingsOf([2, below(client.random, 4)])),
  (client) => one("settings", 0, 0, settingsOf([4, oneOf(client.random, [2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1])])),
  (client) => one("settings", 0, 0, settingsOf([5, oneOf(client.random, [0, 16_383, 16_384, 2 ** 24 - 1, 2 ** 24])])),
  () => one("settings", 0, 0, settingsOf([8, 1], [3, 0], [6, 10])),
  (client) => one("ping", 0, anywhere(client), Buffer.alloc(8)),
  (client) => one("ping", 0, 0, Buffer.alloc(oneOf(client.random, [0, 7, 9]))),
  (client) => one("ping", moreFlags.ack, 0, Buffer.alloc(oneOf(client.random, [0, 8]))),
  (client) => one("goAway", 0, 0, Buffer.alloc(oneOf(client.random, [0, 7, 8, 20]))),
  (client) => one("goAway", 0, anywhere(client), Buffer.alloc(8)),
  () => one("goAway", 0, 0, Buffer.from([0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0])),
  () => one("goAway", 0, 0, Buffer.from([0, 0, 0, 0, 0, 0, 0, 2])),
  (client) =>
    one("pushPromise", moreFlags.endHeaders, anywhere(client), Buffer.concat([windowOf(2), fine(client.random)])),
  (client) => [
    { type: 10 + below(client.random, 246), flags: 255, stream: anywhere(client), payload: Buffer.alloc(100) },
  ],
];

/** A plain conversation for each way to break a rule: each bad header list, and each bad frame. */
export function eachBreach(random: Random): readonly (readonly [name: string, conversation: Conversation])[] {
  const conversation = (insert: Insertion): Conversation => {
    const client = new Client(random);
    for (let count = 0; count < 3; count++) client.begin();
    return { steps: [...client.steps, "settle", ...insert(client)], cuts: undefined };
  };
  return [
    ...Object.entries(spoils).map(([name, spoil]) => [name, conversation((client) => spoilt(client, spoil))] as const),
    ...insertions.map((insert, index) => [`insertion ${index}`, conversation(insert)] as const),
  ];
}
