/** Sends messages that are encoded already, as fast as they are answered: `node raw-load.ts FILE PORT`. Prints the seconds. */
import { createReadStream } from "node:fs";
import { fromBinary } from "@bufbuild/protobuf";
import { BatchIdentifyResponseSchema } from "#gen/rollcall/v1/user_service_pb.js";
import { Http2Client } from "../../bench/load/http2-client.ts";

/** Ahead of the answers, as the importer has it. */
const messagesInFlight = 8;
const prefixBytes = 5;

const [file = "", port] = process.argv.slice(2);
const failed = Promise.withResolvers<never>();
const client = await Http2Client.open(
  { port: Number(port), path: "/rollcall.v1.UserService/BatchIdentify" },
  failed.reject,
);
const start = performance.now();
let answered = 0;
let users = 0;
let sent = 0;
let stream: number | undefined;
let isEnding = false;
let rest: Buffer = Buffer.alloc(0);
let room = Promise.withResolvers<void>();
const ended = Promise.withResolvers<void>();
const handler = {
  onData(piece: Buffer) {
    for (const message of envelopes(piece)) {
      const {
        created,
        updated,
        unchanged,
        applied,
        failed: refused,
      } = fromBinary(BatchIdentifyResponseSchema, message);
      users += created + updated + unchanged + applied + refused;
      answered++;
    }
    room.resolve();
  },
  onEnd() {
    if (isEnding) ended.resolve();
    else failed.reject(new Error(`the stream ended when ${answered} of ${sent} messages were answered`));
  },
};

async function run(): Promise<void> {
  for await (const message of messagesOf(file)) {
    while (sent - answered >= messagesInFlight) {
      room = Promise.withResolvers();
      await room.promise;
    }
    sent++;
    if (stream === undefined) stream = client.call(handler, message, false);
    else client.send(stream, message);
    client.flush();
  }
  while (answered < sent) {
    room = Promise.withResolvers();
    await room.promise;
  }
  isEnding = true;
  if (stream !== undefined) client.end(stream);
  client.flush();
  await ended.promise;
}

await Promise.race([run(), failed.promise]);
console.log(JSON.stringify({ users, seconds: (performance.now() - start) / 1_000 }));
process.exit();

/** Messages that a piece of the answer completes. */
function* envelopes(piece: Buffer): Generator<Buffer> {
  rest = Buffer.concat([rest, piece]);
  while (rest.length >= prefixBytes && rest.length >= prefixBytes + rest.readUInt32BE(1)) {
    const end = prefixBytes + rest.readUInt32BE(1);
    yield rest.subarray(prefixBytes, end);
    rest = rest.subarray(end);
  }
}

async function* messagesOf(path: string): AsyncGenerator<Buffer> {
  let unread: Buffer = Buffer.alloc(0);
  for await (const piece of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
    unread = Buffer.concat([unread, piece]);
    while (unread.length >= prefixBytes && unread.length >= prefixBytes + unread.readUInt32BE(1)) {
      const end = prefixBytes + unread.readUInt32BE(1);
      yield unread.subarray(0, end);
      unread = unread.subarray(end);
    }
  }
}
