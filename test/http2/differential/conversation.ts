/** What a client sends on one connection. */
import { frameTypes } from "../../support/http2-frames.ts";
import { headerListsIn } from "./header-lists.ts";

/** A frame, which may break any rule. */
export interface RawFrame {
  readonly type: number;
  readonly flags: number;
  /** 32 bits, with the reserved one. */
  readonly stream: number;
  readonly payload: Buffer;
  /** What the frame's header says in place of its payload's length. */
  readonly length?: number;
}

/** `settle` waits until the server has done all that it can. */
export type Step = RawFrame | "settle";

export interface Conversation {
  /** What follows HTTP/2's preface: it begins with SETTINGS, unless it breaks that rule too. */
  readonly steps: readonly Step[];
  /** Seeds the places where the bytes are cut into writes; undefined writes them together. */
  readonly cuts: number | undefined;
}

export function bytesOf({ type, flags, stream, payload, length = payload.length }: RawFrame): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream >>> 0, 5);
  return Buffer.concat([head, payload]);
}

export function framesOf({ steps }: Conversation): RawFrame[] {
  return steps.filter((step) => step !== "settle");
}

const names = new Map<number, string>(Object.entries(frameTypes).map(([name, type]) => [type, name]));
const shownBytes = 60;
const shownCharacters = 1_000;

/** For people: each frame on a line, and below them the header lists. */
export function describeConversation(conversation: Conversation): string {
  const { steps, cuts } = conversation;
  const frames = steps.map((step) => {
    if (step === "settle") return step;
    const { type, flags, stream, payload, length } = step;
    const name = names.get(type) ?? `type ${type}`;
    const says = length === undefined ? "" : ` says ${length}`;
    return `${name} flags ${flags} stream ${stream} bytes ${payload.length}${says}: ${payload.toString("hex", 0, shownBytes)}`;
  });
  const lists = headerListsIn(framesOf(conversation)).map(({ stream, fields }) =>
    `stream ${stream} has ${JSON.stringify(fields).replaceAll(/(.)\\1{20,}/g, "$1…")}`.slice(0, shownCharacters),
  );
  return [...frames, cuts === undefined ? "in one piece" : `cut with ${cuts}`, ...lists].join("\n");
}
