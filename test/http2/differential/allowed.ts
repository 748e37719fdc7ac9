/** Differences between the layers that the RFCs allow. */
import { limits } from "../../../src/http2/limits.ts";
import { flags, frameTypes } from "../../support/http2-frames.ts";
import type { Field } from "../../support/http2-header-encoder.ts";
import type { Difference } from "./compare.ts";
import type { RawFrame } from "./conversation.ts";
import { headerListsIn, padded, priority, priorityBytes } from "./header-lists.ts";

export interface Reason {
  /** What Rollcall's own layer does, and what Node does. */
  readonly name: string;
  /** Of RFC 9113, unless it says another. */
  readonly section: string;
  /** @param frames of the conversation */
  allows(difference: Difference, frames: readonly RawFrame[]): boolean;
}

/** The code with which a server has closed the connection; undefined for one that is still open. */
function codeOf(end: string): number | undefined {
  return /\d+$/.test(end) ? Number(end.replace(/\D+/, "")) : undefined;
}

/** Whether one layer has ended the connection. What the other does later, the first cannot. */
const ownEnds = ({ where, own }: Difference, code: number): boolean =>
  where === "the connection" && codeOf(own) === code;
const nodeEnds = ({ where, node }: Difference, code: number): boolean =>
  where === "the connection" && codeOf(node) === code;

/** The header lists in bytes, as section 6.5.2 counts them. */
const blockBytes = (frames: readonly RawFrame[]): number =>
  Math.max(
    0,
    ...headerListsIn(frames).map(({ fields }) =>
      fields.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0),
    ),
  );

type FrameType = keyof typeof frameTypes;
const has = (frames: readonly RawFrame[], type: FrameType, is: (frame: RawFrame) => boolean = () => true): boolean =>
  frames.some((frame) => frame.type === frameTypes[type] && is(frame));
const hasList = (frames: readonly RawFrame[], is: (fields: readonly Field[]) => boolean): boolean =>
  headerListsIn(frames).some(({ fields }) => is(fields));

/** RFC 9110, section 9.1, and RFC 3986, section 3. There is no user information: section 8.3.1. */
const pseudoHeaders: Readonly<Record<string, RegExp>> = {
  ":method": /^[!#$%&'*+\-.^_`|~\w]+$/,
  ":scheme": /^[a-z][a-z\d+.-]*$/i,
  ":authority": /^[\w.~!$&'()*+,;=:%[\]-]+$/,
  ":path": /^[\x21-\x7e]+$/,
};
const hasOddTarget = (fields: readonly Field[]): boolean =>
  fields.some(([name, value]) => pseudoHeaders[name]?.test(value) === false);
/** RFC 9110, sections 5.1 and 5.5. */
const goodName = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a value may not have.
const badValue = /[\x00-\x08\x0a-\x1f\x7f]|^[ \t]|[ \t]$/;
const hasBadField = (fields: readonly Field[]): boolean =>
  fields.some(([name, value]) => (!name.startsWith(":") && !goodName.test(name)) || badValue.test(value));

/** The lengths that frames of the connection and of streams have: RFC 9113, section 6. */
const lengths: Readonly<Partial<Record<number, (bytes: number) => boolean>>> = {
  [frameTypes.priority]: (bytes) => bytes === priorityBytes,
  [frameTypes.reset]: (bytes) => bytes === 4,
  [frameTypes.settings]: (bytes) => bytes % 6 === 0,
  [frameTypes.ping]: (bytes) => bytes === 8,
  [frameTypes.goAway]: (bytes) => bytes >= 8,
  [frameTypes.windowUpdate]: (bytes) => bytes === 4,
  [frameTypes.data]: () => false,
  [frameTypes.headers]: () => false,
};
/** Whether its length is wrong. Frames with padding may be too short for it, and what follows a wrong length may be anything. */
const mayBreakTwoRules = ({ type, payload, length }: RawFrame): boolean =>
  length !== undefined || lengths[type]?.(payload.length) === false;

const idsIn = (payload: Buffer): number[] =>
  Array.from({ length: Math.floor(payload.length / 6) }, (_, index) => payload.readUInt16BE(6 * index));
const isNothing = (payload: Buffer): boolean => (payload.readUInt32BE(0) & 0x7fff_ffff) === 0;

export const reasons: readonly Reason[] = [
  {
    name: "ignores a PING ACK that nobody asked for; Node ends the connection",
    section: "6.7",
    allows: (difference, frames) =>
      nodeEnds(difference, 2) && has(frames, "ping", ({ flags: bits }) => (bits & flags.ack) !== 0),
  },
  {
    name: "ignores a SETTINGS ACK that nobody asked for; Node ends the connection",
    section: "6.5.3",
    allows: (difference, frames) =>
      nodeEnds(difference, 1) && has(frames, "settings", ({ flags: bits }) => (bits & flags.ack) !== 0),
  },
  {
    name: "answers a header list beyond the announced limit with 431, unless it is malformed; Node resets the stream",
    section: "10.5.1",
    allows: ({ own, node }, frames) =>
      (own.includes(":status: 431") || own === "reset 1") &&
      node === "reset 11" &&
      blockBytes(frames) > limits.headerListBytes,
  },
  {
    name: "takes SETTINGS with any number of values; Node takes 32",
    section: "6.5",
    allows: (difference, frames) =>
      nodeEnds(difference, 11) && has(frames, "settings", ({ payload }) => idsIn(payload).length > 32),
  },
  {
    name: "ignores settings of other RFCs; Node checks their values",
    section: "6.5.2",
    allows: (difference, frames) =>
      nodeEnds(difference, 1) &&
      has(frames, "settings", ({ payload }) => idsIn(payload).some((id) => id === 8 || id === 9)),
  },
  {
    name: "resets a stream whose body is not as long as content-length says; Node ends the connection",
    section: "8.1.1",
    allows: (difference, frames) =>
      nodeEnds(difference, 2) && hasList(frames, (fields) => fields.some(([name]) => name === "content-length")),
  },
  {
    name: "takes PRIORITY of a wrong length for a stream error; Node ends the connection",
    section: "6.3",
    allows: (difference, frames) =>
      nodeEnds(difference, 6) &&
      has(frames, "priority", ({ payload, length = payload.length }) => length !== priorityBytes),
  },
  {
    name: "resets a stream that depends on itself; Node ends the connection",
    section: "RFC 7540, 5.3.1",
    allows: (difference, frames) =>
      nodeEnds(difference, 1) && has(frames, "headers", ({ flags: bits }) => (bits & priority) !== 0),
  },
  {
    name: "takes PRIORITY that depends on itself for an error; Node ignores it",
    section: "RFC 7540, 5.3.1",
    allows: (difference, frames) =>
      (difference.own === "reset 1" || ownEnds(difference, 1)) &&
      has(frames, "priority", ({ stream, payload }) => payload.length >= 4 && payload.readUInt32BE(0) === stream),
  },
  {
    name: "ends the connection at a header block beyond its limits; Node resets the stream",
    section: "10.5.1",
    allows: (difference, frames) =>
      ownEnds(difference, 11) &&
      (blockBytes(frames) > limits.decodedHeaderBytes || frames.some(({ length }) => length !== undefined)),
  },
  {
    name: "takes a pseudo-header that HTTP's grammar does not; Node refuses some",
    section: "8.3.1",
    allows: ({ node }, frames) => node === "reset 1" && hasList(frames, hasOddTarget),
  },
  {
    name: "after the client's GOAWAY, waits for the ends of requests that it has answered; Node resets those, and may wait for others",
    section: "6.8",
    allows: (difference, frames) => (ownEnds(difference, 0) || nodeEnds(difference, 0)) && has(frames, "goAway"),
  },
  {
    name: "resets a stream whose window is too large; Node ends the connection",
    section: "6.9.1",
    allows: (difference, frames) =>
      nodeEnds(difference, 3) && has(frames, "windowUpdate", ({ stream }) => stream !== 0),
  },
  {
    name: "counts the window of a stream whose answer is complete and whose request is not; Node has reset that stream",
    section: "6.9.2",
    allows: (difference, frames) =>
      ownEnds(difference, 3) && has(frames, "settings", ({ payload }) => idsIn(payload).includes(4)),
  },
  {
    name: "resets a stream at WINDOW_UPDATE of nothing; Node ends the connection now and then",
    section: "6.9",
    allows: (difference, frames) =>
      nodeEnds(difference, 1) &&
      has(frames, "windowUpdate", ({ stream, payload }) => stream !== 0 && payload.length === 4 && isNothing(payload)),
  },
  {
    name: "resets a stream that gets frames behind its end; Node ends the connection",
    section: "5.1",
    allows: (difference, frames) => nodeEnds(difference, 5) && (has(frames, "headers") || has(frames, "data")),
  },
  {
    name: "ends the connection at HEADERS with an id that was skipped; Node ignores them",
    section: "5.1.1",
    allows: (difference, frames) => ownEnds(difference, 5) && has(frames, "headers"),
  },
  {
    name: "resets a stream that was skipped and gets DATA; Node ignores it",
    section: "5.1",
    allows: ({ own, node }, frames) => own === "reset 5" && node === "nothing" && has(frames, "data"),
  },
  {
    name: "ends the connection at padding that is too long, also on a closed stream, which Node ignores",
    section: "6.1",
    allows: (difference, frames) =>
      (ownEnds(difference, 1) || ownEnds(difference, 6)) &&
      has(frames, "data", ({ flags: bits }) => (bits & padded) !== 0),
  },
  {
    name: "ends a stream that has no window; Node waits for a window",
    section: "6.9.1",
    allows: ({ own, node }) => own.replace(/^end/, "open").replace(/, trailers.*/, "") === node,
  },
  {
    name: "sends an answer before it stops the request; Node resets a stream whose answer waits for a window",
    section: "8.1",
    allows: ({ own, node }) => node === "reset 0" && !own.startsWith("reset"),
  },
  {
    name: "decodes a header block once it is whole; Node decodes each frame",
    section: "4.3",
    allows: (difference, frames) =>
      nodeEnds(difference, 9) && has(frames, "headers", ({ flags: bits }) => (bits & flags.endHeaders) === 0),
  },
  {
    name: "takes a content-length beyond all bodies for malformed; Node counts to 2^63",
    section: "RFC 9110, 8.6",
    allows: ({ own }, frames) =>
      own === "reset 1" &&
      hasList(frames, (fields) => fields.some(([name, value]) => name === "content-length" && value.length > 15)),
  },
  {
    name: "takes a request with a bad field for malformed; Node passes it on, or drops the field",
    section: "8.2.1, and RFC 9110, 5.5",
    allows: ({ own }, frames) =>
      own === "reset 1" && (hasList(frames, hasBadField) || frames.some(({ length }) => length !== undefined)),
  },
  {
    name: "ends the connection at PRIORITY for stream 0; Node ignores it",
    section: "6.3",
    allows: (difference, frames) => ownEnds(difference, 1) && has(frames, "priority", ({ stream }) => stream === 0),
  },
  {
    name: "waits until its GOAWAY has been read; Node closes the connection, and the GOAWAY may be lost",
    section: "5.4.1",
    allows: ({ own, node }) => own.startsWith("closed with") && node === "closed",
  },
  {
    name: "finds another fault first in a frame that has two",
    section: "5.4.1",
    allows: (difference, frames) =>
      ((ownEnds(difference, 1) && nodeEnds(difference, 6)) || (ownEnds(difference, 6) && nodeEnds(difference, 1))) &&
      frames.some(mayBreakTwoRules),
  },
  {
    name: "takes a GOAWAY with a client's stream for a goodbye, as grpc-go says it; Node ends the connection",
    section: "6.8",
    allows: (difference, frames) => nodeEnds(difference, 1) && has(frames, "goAway"),
  },
];
