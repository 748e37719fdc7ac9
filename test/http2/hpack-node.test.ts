import { once } from "node:events";
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import { sensitiveHeaders } from "node:http2";
import fc from "fast-check";
import { expect, test } from "vitest";
import { HpackDecoder } from "../../src/http2/hpack/decoder.ts";
import { huffmanCodeBits, huffmanCodes } from "../../src/http2/hpack/tables.ts";
import { repeats } from "../support/repeats.ts";
import { type Field, fieldsIn, literal } from "./hpack-blocks.ts";
import { type Answer, HpackPeer } from "./hpack-peer.ts";

const values = fc.oneof(
  fc.constantFrom("", "gzip", "application/grpc", "0", "trailers", "a b"),
  fc.stringMatching(/^[!-~]{1,40}$/),
  fc.stringMatching(/^[\xa1-\xff]{1,40}$/),
  fc.integer({ min: 100, max: 3000 }).map((length) => "long ".repeat(length).trim()),
);
const answerNames = fc.constantFrom(
  "content-type",
  "grpc-encoding",
  "grpc-status",
  "vary",
  "x-one",
  "grpc-message",
  "etag",
);
const requestNames = fc.constantFrom("user-agent", "authorization", "grpc-timeout", "content-type", "x-one", "referer");

const requests = fc.dictionary(requestNames, values, { maxKeys: 6 });
const answers = fc.record({
  status: fc.constantFrom(200, 404, 503, 299),
  headers: fc.dictionary(answerNames, values, { maxKeys: 6 }),
  trailers: fc.dictionary(answerNames, values, { minKeys: 1, maxKeys: 3 }),
});
/** A call, or a new size of the table at one end. */
const steps = fc.oneof(
  { weight: 4, arbitrary: fc.record({ request: requests, answer: answers, isSensitive: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      of: fc.constantFrom("client", "server"),
      bytes: fc.constantFrom(0, 33, 64, 100, 500, 4000, 4096, 20_000, 65_536),
    }),
  },
);

const head = { ":method": "POST", ":path": "/a.B/C", ":scheme": "http", ":authority": "localhost" };

test("Node's client and we understand each other, whatever the sizes of the tables are meanwhile", async () => {
  const calls = fc.array(steps, { minLength: 1, maxLength: 25 });
  const tableBytes = fc.constantFrom(0, 100, 4096, 65_536);
  await fc.assert(
    fc.asyncProperty(calls, tableBytes, async (list, bytes) => {
      const peer = new HpackPeer(bytes);
      try {
        for (const step of list) {
          if ("of" in step)
            await resize(peer, step.of, step.of === "server" ? Math.min(step.bytes, bytes) : step.bytes);
          // Answers of the very same objects take another path.
          else for (let times = 0; times < 3; times++) await call(peer, step.request, step.answer, step.isSensitive);
        }
      } finally {
        peer.client.destroy();
      }
    }),
    { numRuns: repeats(500) },
  );
});

test("Node has the same static fields", async () => {
  const peer = new HpackPeer(4096);
  // Node refuses an empty `content-length`, any `transfer-encoding`, and the pseudo-header fields of requests.
  const indexes = Array.from({ length: 61 }, (_, at) => at + 1).filter(
    (index) => index > 14 && index !== 28 && index !== 57,
  );
  for (const status of [8, 9, 10, 11, 12, 13, 14]) {
    const block = Buffer.from([status, ...indexes].map((index) => 0x80 | index));
    const fields = fieldsIn(new HpackDecoder(4096), block);
    expect(await answerTo(peer, {}, block)).toEqual([fields]);
  }
  peer.client.destroy();
});

test("Node has the same Huffman code, for every octet that a value may have", async () => {
  const peer = new HpackPeer(4096);
  const octets = Array.from({ length: 256 }, (_, octet) => octet).filter((octet) => octet >= 0x20 && octet !== 0x7f);
  // Each octet begins at another bit.
  const all = String.fromCharCode(9, ...octets, ...octets.toReversed(), 9);
  const fields = Array.from({ length: 8 }, (_, zeros): Field => ["x", `${"0".repeat(zeros)}(${all})`]);
  const block = Buffer.concat([Buffer.from([0x88]), ...fields.map((field) => literal(field, "unindexed", true))]);
  expect(await answerTo(peer, {}, block)).toEqual([[[":status", "200"], ...fields]]);
  expect(fieldsIn(new HpackDecoder(4096), block).slice(1)).toEqual(fields);
  peer.client.destroy();
});

test("the Huffman code is canonical and complete, so that its lengths tell it", () => {
  const symbols = huffmanCodes.map((_, symbol) => symbol);
  let code = 0;
  let bits = 5;
  for (const symbol of symbols.toSorted(
    (one, other) => huffmanCodeBits[one]! - huffmanCodeBits[other]! || one - other,
  )) {
    code *= 2 ** (huffmanCodeBits[symbol]! - bits);
    bits = huffmanCodeBits[symbol]!;
    expect(huffmanCodes[symbol]).toBe(code);
    code++;
  }
  expect(code).toBe(2 ** bits);
});

async function resize(peer: HpackPeer, end: string, bytes: number): Promise<void> {
  if (end === "client") {
    const { promise, resolve } = Promise.withResolvers<void>();
    peer.client.settings({ headerTableSize: bytes }, () => resolve());
    await promise;
  } else {
    const changed = once(peer.client, "remoteSettings");
    peer.setTableBytes(bytes);
    await changed;
  }
}

async function call(
  peer: HpackPeer,
  request: Record<string, string>,
  answer: Answer,
  isSensitive: boolean,
): Promise<void> {
  const sensitive = isSensitive ? { [sensitiveHeaders]: Object.keys(request) } : {};
  expect(await answerTo(peer, { ...request, ...sensitive }, answer)).toEqual([
    [[":status", String(answer.status)], ...Object.entries(answer.headers)],
    Object.entries(answer.trailers),
  ]);
  expect(sorted(peer.requests.at(-1) ?? [])).toEqual(sorted(Object.entries({ ...head, ...request })));
}

/** The fields of an answer's headers, and of its trailers if there are any, as Node reads them. */
async function answerTo(peer: HpackPeer, request: OutgoingHttpHeaders, answer: Answer | Buffer): Promise<Field[][]> {
  peer.answerNext(answer);
  const stream = peer.client.request({ ...head, ...request });
  stream.end();
  const received: Field[][] = [];
  stream.on("response", (_head: IncomingHttpHeaders, _flags: number, raw: string[]) => received.push(pairs(raw)));
  stream.on("trailers", (_head: IncomingHttpHeaders, _flags: number, raw: string[]) => received.push(pairs(raw)));
  stream.resume();
  await once(stream, "close");
  return received;
}

function pairs(raw: readonly string[]): Field[] {
  return raw.flatMap((name, at) => (at % 2 === 0 ? [[name, raw[at + 1] ?? ""] as const] : []));
}

function sorted(fields: readonly Field[]): Field[] {
  return fields.toSorted(([one], [other]) => (one < other ? -1 : 1));
}
