/** Messages of gRPC frame by frame, and the status that both of the server's ways answer with. */
import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";
import { type DescMethod, fromBinary, toJson } from "@bufbuild/protobuf";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { enveloped, type Headers, messageOf } from "../../support/grpc-streams.ts";
import { rawExchange } from "../../support/raw-calls.ts";
import { ada } from "../../support/server.ts";

const {
  identify,
  getUser,
  batchIdentify,
  identifyUsers,
  batchGetUsers,
  setPreferences,
  deleteUser,
  listUsers,
  findUsers,
  countUsers,
  scanUsers,
  getRegistry,
} = UserService.method;

export interface Frames {
  readonly name: string;
  readonly method: DescMethod;
  /** Sent one after the other, each in frames of its own. */
  readonly pieces: readonly Uint8Array[];
  readonly status: number;
  readonly headers?: Headers;
  readonly reason?: string;
  readonly message?: RegExp;
}

const of = (name: string, status: number, method: DescMethod, ...pieces: Uint8Array[]): Frames => ({
  ...{ name, status, method, pieces },
});
const read = (name: string, status: number, ...pieces: Uint8Array[]) => of(name, status, getUser, ...pieces);
const malformed = { reason: "MALFORMED_REQUEST" };
const timeout = (value: string) => ({ headers: { "grpc-timeout": value } });

export const there = messageOf(getUser, { id: "there" });
export const headOfTooLarge = Buffer.of(0, 0, 0x40, 0, 1);
export const validation = { id: "item", properties: ada, validateOnly: true };
const none = enveloped(Buffer.from("ffffffff", "hex"));
const cut = enveloped(Buffer.of(0x0a, 0xff));
/** The field `match` of FindUsersRequest and CountUsersRequest, with these fields. */
const match = (...fields: Uint8Array[]) => {
  const content = Buffer.concat(fields);
  return Buffer.concat([Buffer.of(0x0a, content.length), content]);
};
/** The property `e`, and a condition. */
const startsWithAd = Buffer.from("0a01651a024164", "hex");
const isPresent = Buffer.from("0a01652001", "hex");
const isThere = { case: "present" as const, value: true };
const noMatch = { reason: "INVALID_MATCH" };
const noId = messageOf(batchIdentify, { requests: [{ id: "" }] });
const unknownReport: number = 7;
const tooMany = Array.from({ length: 1_001 }, () => ({ id: "" }));
const sorted = { id: "new", properties: { ...ada, z: 1, a: [{ c: 1, b: 2 }] }, validateOnly: true };

export const frames: readonly Frames[] = [
  read("a user that is there", 0, there),
  read("a user that is not there", 5, messageOf(getUser, { id: "nobody" })),
  of("a list of users", 0, batchGetUsers, messageOf(batchGetUsers, { ids: ["there", "nobody"] })),
  of("a page", 0, listUsers, messageOf(listUsers, { pageSize: 3 })),
  of("a scan", 0, scanUsers, messageOf(scanUsers, { where: { properties: { a: 1 } } })),
  of("a scan with an unknown token", 3, scanUsers, messageOf(scanUsers, { pageToken: "none" })),
  of("a search", 0, findUsers, messageOf(findUsers, { match: { property: "plan", condition: isThere } })),
  of("a count", 0, countUsers, messageOf(countUsers, { match: { property: "plan", condition: isThere } })),
  { ...of("a search without an index", 9, findUsers, enveloped(match(startsWithAd))), reason: "PROPERTY_NOT_INDEXED" },
  { ...of("a match with two conditions", 3, findUsers, enveloped(match(startsWithAd, isPresent))), ...noMatch },
  {
    ...of("a match in pieces", 9, countUsers, enveloped(Buffer.concat([match(startsWithAd), match(startsWithAd)]))),
    reason: "PROPERTY_NOT_INDEXED",
  },
  {
    ...of(
      "a match in pieces with two conditions",
      3,
      countUsers,
      enveloped(Buffer.concat([match(isPresent), match(startsWithAd)])),
    ),
    ...noMatch,
  },
  { ...of("a match that is cut short", 3, findUsers, enveloped(Buffer.of(0x0a, 2, 0x0a, 9))), ...malformed },
  of("what is there already", 0, identify, messageOf(identify, { id: "there", properties: ada })),
  of("what is only validated", 0, identify, messageOf(identify, sorted)),
  of("preferences of nobody", 5, setPreferences, messageOf(setPreferences, { id: "nobody", preferences: { a: 1 } })),
  of("a deletion of nobody", 0, deleteUser, messageOf(deleteUser, { id: "nobody", allowMissing: true })),
  of(
    "an error with a path that is not ASCII",
    3,
    identify,
    messageOf(identify, { id: "u", properties: { "é %": Number.NaN } }),
  ),
  of("many violations", 3, identify, messageOf(identify, { id: "", unset: Array.from({ length: 40 }, () => "") })),
  { ...read("the other content type", 0, there), headers: { "content-type": "application/grpc+proto" } },
  { ...read("metadata in binary", 0, there), headers: { "trace-bin": "AAECAw==", x: "%E2%82%AC" } },
  read("a body byte by byte", 0, ...Array.from(there, (byte) => Buffer.of(byte))),
  read("no message", 12),
  read("two messages", 12, there, there),
  read("half a prefix", 3, there.subarray(0, 3)),
  read("a prefix", 3, there.subarray(0, 5)),
  read("half a message", 3, there.subarray(0, -2)),
  read("a message and a half", 3, there, there.subarray(0, -2)),
  read("a message that is too large", 8, headOfTooLarge),
  read("a message that is none", 3, none),
  read("a message that is none, and another", 12, none, there),
  read("a message that is none, and the head of one that is too large", 8, none, headOfTooLarge),
  read("a message, and one that is none", 12, there, none),
  read("an unknown field", 0, enveloped(Buffer.concat([there.subarray(5), Buffer.of(0x78, 1)]))),
  ...[identify, getUser, batchIdentify, identifyUsers, getRegistry].map((method) => ({
    ...of(`half a field of ${method.name}`, 3, method, cut),
    ...malformed,
  })),
  { ...of("an unknown method", 12, { ...getUser, name: "Nothing" }, cut), reason: "NOT_IMPLEMENTED" },
  {
    ...read("a timeout that is none", 3, there),
    ...timeout("soon"),
    message: /^the header grpc-timeout cannot be read: /,
  },
  { ...read("a timeout that has passed", 4, there), ...timeout("0n") },
  { ...read("the longest timeout", 0, there), ...timeout("99999999H") },
  of(
    "a batch in one call",
    0,
    identifyUsers,
    messageOf(identifyUsers, { requests: [{ id: "" }, validation, { id: "there", properties: ada }], report: 2 }),
  ),
  of("no users in one call", 0, identifyUsers, messageOf(identifyUsers, {})),
  of("too many items in one call", 3, identifyUsers, messageOf(identifyUsers, { requests: tooMany })),
  of("a report that is none", 3, identifyUsers, messageOf(identifyUsers, { report: unknownReport })),
  of("the registry", 0, getRegistry, messageOf(getRegistry, {})),
  of("a stream of nothing", 0, batchIdentify),
  of(
    ...(["a stream", 0, batchIdentify] as const),
    messageOf(batchIdentify, { requests: [{ id: "" }, validation], report: 2 }),
    messageOf(batchIdentify, { requests: [] }),
  ),
  of("a stream in which a message is none", 3, batchIdentify, noId, cut),
  of(
    "a stream with the head of a message that is too large in the same frame",
    8,
    batchIdentify,
    Buffer.concat([noId, headOfTooLarge]),
  ),
  of("a stream that ends within a message", 3, batchIdentify, noId, Buffer.of(0, 0, 0, 0, 9, 1)),
  of("a stream with too many items", 3, batchIdentify, messageOf(batchIdentify, { requests: tooMany })),
];

const large = { id: "item", properties: { ...ada, bio: "x".repeat(20_000) } };

/** Of a caller who may only write. */
export const writerFrames: readonly Frames[] = [
  of("a write", 0, identify, messageOf(identify, large)),
  of("a write that changes nothing", 0, identify, messageOf(identify, { id: "item", setOnce: ada })),
  of("a validation", 7, identify, messageOf(identify, validation)),
  of("a refused write", 3, identify, messageOf(identify, { id: "nobody" })),
  of("preferences", 0, setPreferences, messageOf(setPreferences, { id: "item", preferences: { a: 1 } })),
  of("preferences of nobody", 5, setPreferences, messageOf(setPreferences, { id: "nobody" })),
  of("a batch", 0, batchIdentify, messageOf(batchIdentify, { requests: [large, { id: "" }], report: 2 })),
  of("a batch in one call", 0, identifyUsers, messageOf(identifyUsers, { requests: [large, { id: "" }], report: 2 })),
  of("the registry", 0, getRegistry, messageOf(getRegistry, {})),
  of("a read", 7, getUser, messageOf(getUser, { id: "item" })),
];

/** Everything that a caller sees, without what differs between any two calls: etags and times. */
export async function seenOf(
  session: ClientHttp2Session,
  { method, pieces, headers }: Pick<Frames, "method" | "pieces" | "headers">,
  way: Headers,
  pause?: (stream: ClientHttp2Stream) => Promise<void>,
) {
  const path = `/${method.parent.typeName}/${method.name}`;
  const call = { path, headers: { "content-type": "application/grpc", ...way, ...headers }, body: Buffer.of() };
  const exchange = await rawExchange(session, call, async (stream) => {
    for (const piece of pieces) await new Promise<void>((sent) => stream.write(piece, () => sent()));
    stream.end();
    await pause?.(stream);
  });
  const told = { ...exchange.headers, ...exchange.trailers };
  const names = [":status", "content-type", "grpc-status", "grpc-message", "grpc-status-details-bin"];
  return { exchange, told: names.map((name) => told[name]), answers: answersOf(method, exchange.body) };
}

export function answersOf(method: DescMethod, body: Buffer): unknown[] {
  const answers: unknown[] = [];
  for (let at = 0; at < body.length; ) {
    if (body[at] !== 0) throw new Error(`an answer with the flags ${body[at]}`);
    const end = at + 5 + body.readUInt32BE(at + 1);
    const answer = JSON.stringify(toJson(method.output, fromBinary(method.output, body.subarray(at + 5, end))));
    answers.push(JSON.parse(answer, (key, value) => (/^(etag|createdAt|updatedAt)$/.test(key) ? undefined : value)));
    at = end;
  }
  return answers;
}
