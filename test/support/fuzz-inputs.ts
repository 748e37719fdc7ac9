/** Requests that are random or nearly right, for every method, in every encoding. */
import { gzipSync } from "node:zlib";
import { create, type DescMethod, type MessageInitShape, toBinary, toJsonString } from "@bufbuild/protobuf";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { ServerReflection } from "#gen-server/grpc/reflection/v1/reflection_pb.js";
import { Health } from "#gen-server/health/v1/health_pb.js";
import { below, oneOf, type Random } from "./random.ts";
import type { RawCall } from "./raw-calls.ts";

/** It stands in ids, names and values; no log may hold it. */
export const marker = "zqxmarker";

interface Sample {
  readonly path: string;
  readonly isStream: boolean;
  readonly binary: Uint8Array;
  readonly json: Uint8Array;
}

function sample<Method extends DescMethod>(method: Method, init: MessageInitShape<Method["input"]>): Sample {
  const message = create(method.input, init);
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    isStream: method.methodKind !== "unary",
    binary: toBinary(method.input, message),
    json: Buffer.from(toJsonString(method.input, message)),
  };
}

const properties = {
  name: `${marker} Ada`,
  email: `${marker}@example.com`,
  [`${marker} name`]: [null, true, -1.5, { [`${marker} deep`]: [[], {}] }],
};
const etag = { condition: { case: "etag" as const, value: `${marker} etag` } };
const text = { kind: { case: "stringValue" as const, value: `${marker}@example.com` } };
const item = { id: `${marker} 1`, properties };
const {
  identify,
  getUser,
  batchIdentify,
  identifyUsers,
  batchGetUsers,
  listUsers,
  findUsers,
  countUsers,
  scanUsers,
  setPreferences,
  deleteUser,
  getRegistry,
} = UserService.method;

const samples: readonly Sample[] = [
  sample(identify, item),
  sample(identify, { id: `${marker} 2`, properties, setOnce: { once: marker }, unset: [marker], precondition: etag }),
  sample(identify, {
    id: `${marker} 3`,
    properties,
    observedAt: { seconds: 1_700_000_000n, nanos: 5 },
    validateOnly: true,
  }),
  sample(getUser, { id: `${marker} 1`, onlyProperties: ["name", marker] }),
  sample(batchIdentify, { requests: [item, { id: "" }, { ...item, id: `${marker} 4` }], report: 2 }),
  sample(identifyUsers, {
    requests: [
      { ...item, id: `${marker} 6` },
      { id: "", unset: [marker] },
    ],
    report: 2,
  }),
  sample(batchGetUsers, { ids: [`${marker} 1`, `${marker} 5`], onlyProperties: ["name"] }),
  sample(listUsers, { pageSize: 2, pageToken: "", onlyProperties: ["name"] }),
  sample(listUsers, { pageSize: 2, pageToken: "AQHkKnRk" }),
  sample(findUsers, { match: { property: "email", condition: { case: "startsWith", value: marker } }, pageSize: 2 }),
  sample(findUsers, {
    match: { property: marker, condition: { case: "present", value: true } },
    pageToken: "AgHkKnRk",
  }),
  sample(countUsers, { match: { property: "email", condition: { case: "equals", value: text } } }),
  sample(scanUsers, { where: { properties, updatedAfter: { seconds: 1n, nanos: 5 } }, onlyProperties: [marker] }),
  sample(setPreferences, { id: `${marker} 1`, preferences: { [marker]: marker }, mode: 2 }),
  sample(deleteUser, { id: `${marker} 4`, precondition: etag, allowMissing: true }),
  sample(getRegistry, {}),
  sample(Health.method.check, { service: marker }),
  sample(Health.method.list, {}),
  sample(ServerReflection.method.serverReflectionInfo, {
    host: marker,
    messageRequest: { case: "fileContainingSymbol", value: marker },
  }),
];

/** The methods that the samples call. */
export const fuzzedPaths = [...new Set(samples.map(({ path }) => path))];

export function createFuzzer(random: Random): () => RawCall {
  const chance = (probability: number) => random() < probability;
  const bytes = (length: number) => Uint8Array.from({ length }, () => below(random, 256));

  /** Some changes of a message: bytes changed, cut out, repeated, put in. */
  function mutated(message: Uint8Array): Uint8Array {
    let result = Uint8Array.from(message);
    for (let changes = 1 + below(random, 3); changes > 0; changes--) {
      const at = below(random, result.length + 1);
      const to = Math.min(result.length, at + below(random, 8));
      const [before, part, after] = [result.subarray(0, at), result.subarray(at, to), result.subarray(to)];
      const otherBytes = part.map((byte) => (chance(0.5) ? byte ^ (1 << below(random, 8)) : below(random, 256)));
      result = Buffer.concat(
        oneOf<Uint8Array[]>(random, [
          [before, otherBytes, after],
          [before, after],
          [before],
          [before, part, part, after],
          [before, bytes(below(random, 6)), part, after],
          [before, Buffer.from(oneOf(random, ["\u0000", '"', "{", "[[[[[[", "1e999", "\\ud800", "null", "-"])), after],
        ]),
      );
    }
    return result;
  }

  function frame(message: Uint8Array): Uint8Array {
    const head = Buffer.alloc(5);
    head[0] = chance(0.05) ? below(random, 256) : 0;
    head.writeUInt32BE(chance(0.05) ? below(random, oneOf(random, [20, 1_000, 2 ** 32])) : message.length, 1);
    return Buffer.concat([head, message]);
  }

  function headersOf(contentType: string): Record<string, string> {
    const headers: Record<string, string> = { "content-type": contentType };
    if (chance(0.03)) headers["grpc-timeout"] = oneOf(random, ["1H", "99999999S", "0n", "x", "-1S", "5"]);
    if (chance(0.03)) headers["connect-timeout-ms"] = oneOf(random, ["1", "10000000000", "x", "-1", ""]);
    if (chance(0.03)) headers["connect-protocol-version"] = oneOf(random, ["1", "2", "x"]);
    if (chance(0.02)) headers["accept-encoding"] = oneOf(random, ["gzip", "x", "br, gzip;q=0"]);
    if (chance(0.02)) headers["grpc-encoding"] = oneOf(random, ["gzip", "x", "identity"]);
    return headers;
  }

  return () => {
    const { path, isStream, binary, json } = oneOf(random, samples);
    const isJson = chance(0.3);
    const valid = isJson ? json : binary;
    const message = chance(0.1) ? bytes(below(random, 80)) : chance(0.05) ? valid : mutated(valid);
    const format = isJson ? "json" : "proto";
    const connectType = isStream ? `application/connect+${format}` : `application/${format}`;
    const contentType = chance(0.03)
      ? oneOf(random, [
          "application/grpc+x",
          "text/plain",
          "application/connect+proto",
          "application/json",
          "application/proto",
        ])
      : oneOf(random, [`application/grpc+${format}`, `application/grpc-web+${format}`, connectType]);
    const headers = headersOf(contentType);
    const framed = isStream || contentType.startsWith("application/grpc");
    if (framed) {
      const frames = [message, ...(chance(0.1) ? [mutated(valid)] : [])].map(frame);
      const body = Buffer.concat(frames);
      return { path, headers, body: chance(0.03) ? mutated(body) : body };
    }
    if (chance(0.02)) headers["content-encoding"] = oneOf(random, ["gzip", "br", "x"]);
    return { path, headers, body: headers["content-encoding"] === "gzip" ? mutated(gzipSync(message)) : message };
  };
}
