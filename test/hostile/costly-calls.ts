/** Calls whose requests are within the limit on bytes, and made so that to read them takes as much as it can. */
import { once } from "node:events";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import type { DescMethod } from "@bufbuild/protobuf";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { ServerReflection } from "#gen-server/grpc/reflection/v1/reflection_pb.js";
import { Health } from "#gen-server/health/v1/health_pb.js";
import { enveloped } from "../support/grpc-streams.ts";
import { localAddress } from "./connections.ts";

/** One call, to be sent again and again. */
interface CostlyCall {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** As many bytes as a message may have, inflated; a little less, so that it is read. */
const messageBytes = 4 * 1024 * 1024 - 1_024;

function pathOf({ parent, name }: DescMethod): string {
  return `/${parent.typeName}/${name}`;
}

const { identify, batchIdentify, batchGetUsers } = UserService.method;

/** 4,105 bytes that inflate to 4 MiB of an unknown field, for methods that need no credentials. */
export function unknownFieldsToOpenServices(): CostlyCall[] {
  const message = gzipSync(Buffer.alloc(4 * 1024 * 1024, Buffer.of(0x7a, 0)));
  const headers = { "content-type": "application/grpc", "grpc-encoding": "gzip", te: "trailers" };
  const methods = [Health.method.check, Health.method.watch, ServerReflection.method.serverReflectionInfo];
  return methods.map((method) => ({ path: pathOf(method), headers, body: enveloped(message, 1) }));
}

/** Less than 200 bytes of Brotli that stand for 64 MiB, and take a decoder with a window of 16 MiB. */
export function brotliToOpenServices(): CostlyCall[] {
  const params = {
    [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
    [constants.BROTLI_PARAM_QUALITY]: 1,
  };
  const message = brotliCompressSync(Buffer.alloc(64 * 1024 * 1024), { params });
  const headers = { "content-type": "application/grpc", "grpc-encoding": "br", te: "trailers" };
  return [{ path: pathOf(Health.method.check), headers, body: enveloped(message, 1) }];
}

export function emptyListsInJson(): CostlyCall[] {
  return [inJson(identify, `{"id":"u","properties":{"x":[${repeated("[[[[]]]]")}]}}`)];
}

/** Small things of other shapes. */
export function smallThingsInJson(): CostlyCall[] {
  const names = Array.from({ length: messageBytes / 12 }, (_, at) => `"${at.toString(36)}":0`).join(",");
  return [
    inJson(identify, `{"id":"u","properties":{"x":[${repeated("{}")}]}}`),
    inJson(identify, `{"id":"u","properties":{"x":[${repeated("0")}]}}`),
    inJson(identify, `{"id":"u","properties":{${names}}}`),
    inJson(identify, `{"id":"u","unset":[${repeated('""')}]}`),
    inJson(batchGetUsers, `{"ids":[${repeated('""')}]}`),
  ];
}

/** Unknown fields, and empty ones of those that a request has. */
export function emptyFieldsInBinary(): CostlyCall[] {
  return [
    inBinary(identify, Buffer.of(0x7a, 0)),
    // `unset`, then `properties`.
    inBinary(identify, Buffer.of(0x22, 0)),
    inBinary(identify, Buffer.of(0x12, 0)),
    // Two million `requests`.
    inBinary(batchIdentify, Buffer.of(0x0a, 0)),
  ];
}

function repeated(value: string): string {
  return `${`${value},`.repeat(messageBytes / (value.length + 1) - 10)}${value}`;
}

function inJson(method: DescMethod, text: string): CostlyCall {
  const headers = { "content-type": "application/json", "content-encoding": "gzip" };
  return { path: pathOf(method), headers, body: gzipSync(text) };
}

function inBinary(method: DescMethod, field: Buffer): CostlyCall {
  const headers = { "content-type": "application/grpc", te: "trailers" };
  return { path: pathOf(method), headers, body: enveloped(Buffer.alloc(messageBytes, field)) };
}

/**
 * Sends calls in turn, several at once, over HTTP/2.
 *
 * @param pauseMs between the answer of one and the next
 * @param atOnce calls under way, each on a connection of its own
 */
export async function sendInTurn(
  port: number,
  calls: readonly CostlyCall[],
  pauseMs: number,
  atOnce = 4,
): Promise<void> {
  const one = async (_: unknown, first: number) => {
    let session = await openSession(port);
    for (let next = first; ; next++) {
      if (session.closed || session.destroyed) session = await openSession(port);
      const call = calls[next % calls.length];
      if (call !== undefined) await send(session, call);
      await pause(pauseMs);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, one));
}

export async function openSession(port: number, initialWindowSize?: number): Promise<ClientHttp2Session> {
  const session = connectHttp2(`http://127.0.0.1:${port}`, {
    ...(initialWindowSize === undefined ? {} : { settings: { initialWindowSize } }),
    createConnection: () => connect({ host: "127.0.0.1", port, localAddress, noDelay: true }),
  });
  session.setMaxListeners(0).on("error", () => {});
  await Promise.race([once(session, "connect"), once(session, "close")]);
  return session;
}

/** Resolves when it has been answered, or reset. */
async function send(session: ClientHttp2Session, { path, headers, body }: CostlyCall): Promise<void> {
  if (session.closed || session.destroyed) return;
  const stream = session.request({ ":method": "POST", ":path": path, ...headers });
  stream.on("error", () => {}).resume();
  stream.end(body);
  // A Watch goes on.
  if (!path.endsWith(Health.method.watch.name)) await once(stream, "close").catch(() => {});
}
