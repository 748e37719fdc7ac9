/**
 * Callers who do everything wrong at random: what they send is whole, cut, garbled, refused or too much at once, and then
 * they read the answer, leave it unread, reset the call or go away.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import type { DescMethod } from "@bufbuild/protobuf";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { ServerReflection } from "#gen-server/grpc/reflection/v1/reflection_pb.js";
import { Health } from "#gen-server/health/v1/health_pb.js";
import { flags, frame, frameTypes, headerBlock, preface, settings } from "../support/http2-frames.ts";
import { below, oneOf, type Random } from "../support/random.ts";
import { encodedCall, type RawCall } from "../support/raw-calls.ts";
import { randomShape } from "../support/request-shapes/shape.ts";

const initialWindowSize = 4;
const frameBytes = 16_000;
/** The most requests on one connection; an HTTP/1.1 connection may have fewer at a time. */
const mostRequests = 40;
/** How long one that waits does so at most. */
const longestPauseMs = 1_000;

const faults = ["none", "cut", "aborted", "refused", "unread", "garbage"] as const;
export type Fault = (typeof faults)[number];

interface FaultyRequest extends RawCall {
  readonly method: string;
}

/** Each from another address, so that what is held against one of them does not spare the server the others. */
const addresses = 250;

/** Makes one connection, and what is wrong on it, from beginning to end. */
export async function callFaultily(port: number, random: Random): Promise<Fault> {
  const fault = oneOf(random, faults);
  const version = random() < 0.5 ? "1.1" : "2";
  const count = random() < 0.3 ? 2 + below(random, mostRequests - 1) : 1;
  const requests = Array.from({ length: count }, () => (fault === "refused" ? refused(random) : randomRequest(random)));
  const whole = version === "2" ? inHttp2(requests, fault, random) : inHttp1(requests);
  const bytes = fault === "garbage" ? garbled(whole, random) : whole;
  const sent = fault === "cut" ? bytes.subarray(0, below(random, bytes.length)) : bytes;

  const localAddress = `127.0.1.${1 + below(random, addresses)}`;
  const socket = connect({ host: "127.0.0.1", port, localAddress, noDelay: true }).on("error", () => {});
  const closed = once(socket, "close").catch(() => {});
  if (fault !== "unread") socket.resume();
  await Promise.race([once(socket, "connect").catch(() => {}), closed]);
  const wait = () => Promise.race([pause(below(random, longestPauseMs)), closed]);
  await sendInPieces(socket, sent, random);
  if (fault === "cut" && random() < 0.5) await wait();
  if (fault !== "cut") await wait();
  if (fault === "aborted" && version === "2") {
    const resets = requests.map((_, at) => frame("reset", 0, 2 * at + 1, Buffer.of(0, 0, 0, 8)));
    await sendInPieces(socket, Buffer.concat(resets), random);
    await wait();
  }
  if (random() < 0.5) socket.destroy();
  else socket.resetAndDestroy();
  await closed;
  return fault;
}

async function sendInPieces(socket: Socket, bytes: Buffer, random: Random): Promise<void> {
  const pieces = random() < 0.7 ? 1 : 1 + below(random, 5);
  const size = Math.ceil(bytes.length / pieces);
  for (let at = 0; at < bytes.length && !socket.destroyed; at += size) {
    socket.write(bytes.subarray(at, at + size));
    await pause(pieces > 1 ? below(random, 20) : 0);
  }
}

function randomRequest(random: Random): FaultyRequest {
  const protocol = oneOf(random, ["grpc", "grpc-web", "connect"] as const);
  const { method, encoding, bytes } = randomMessage(random);
  const call = encodedCall(method, bytes, { protocol, encoding, isCompressed: random() < 0.2 });
  const timeout = random() < 0.2 ? timeoutOf(protocol, below(random, 50)) : {};
  return { ...call, method: "POST", headers: { ...call.headers, ...timeout } };
}

function timeoutOf(protocol: string, milliseconds: number): Record<string, string> {
  return protocol === "connect"
    ? { "connect-timeout-ms": String(milliseconds) }
    : { "grpc-timeout": `${milliseconds}m` };
}

/** One that can be served, of any size; sometimes one of a shape that takes a decoder much. */
function randomMessage(random: Random): { method: DescMethod; encoding: "binary" | "json"; bytes: Buffer } {
  const kind = random();
  const { identify, getUser, batchIdentify, identifyUsers, listUsers } = UserService.method;
  if (kind < 0.2) {
    const { method, encoding, bytes } = randomShape(random, oneOf(random, [1_000, 8_000, 64_000, 400_000]));
    return { method: UserService.method[method], encoding, bytes };
  }
  const inJson = (method: DescMethod, value: unknown) =>
    ({ method, encoding: "json", bytes: Buffer.from(JSON.stringify(value)) }) as const;
  const id = `soak-${below(random, 1_000)}`;
  const user = (text: string) => ({ id, properties: { name: "A", email: "a@b", text } });
  if (kind < 0.4) return inJson(identify, user("x".repeat(below(random, 60_000))));
  if (kind < 0.6) return inJson(getUser, { id: random() < 0.5 ? "large" : id });
  if (kind < 0.7) return inJson(listUsers, { page_size: 100 });
  if (kind < 0.8) {
    const requests = Array.from({ length: below(random, 1_000) }, () => (random() < 0.5 ? {} : user("")));
    return inJson(oneOf(random, [batchIdentify, identifyUsers]), { requests, report: "BATCH_REPORT_ALL" });
  }
  const open = oneOf(random, [Health.method.check, Health.method.watch, ServerReflection.method.serverReflectionInfo]);
  return { method: open, encoding: "binary", bytes: Buffer.alloc(0) };
}

/** One that no method sees, or that is refused before its message is read. */
function refused(random: Random): FaultyRequest {
  const request = randomRequest(random);
  const { headers } = request;
  const refusals: (() => FaultyRequest)[] = [
    () => ({ ...request, method: "CONNECT", path: "localhost:443" }),
    () => ({ ...request, headers: { ...headers, expect: "x" } }),
    () => ({ ...request, headers: { ...headers, expect: "100-continue" } }),
    () => ({ ...request, headers: { ...headers, "content-type": "text/plain" } }),
    () => ({ ...request, headers: { ...headers, "x-large": "y".repeat(20_000) } }),
    () => ({ ...request, headers: { ...headers, "grpc-encoding": "none-such" } }),
    () => ({ ...request, path: "/rollcall.v1.UserService/NoSuchMethod" }),
    () => ({ ...request, method: oneOf(random, ["HEAD", "OPTIONS", "PUT", "TRACE"]) }),
  ];
  return oneOf(random, refusals)();
}

function inHttp1(requests: readonly FaultyRequest[]): Buffer {
  return Buffer.concat(
    requests.flatMap(({ method, path, headers, body }) => {
      const lines = Object.entries({ host: "localhost", ...headers, "content-length": body.length });
      const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
      return [Buffer.from(`${method} ${path} HTTP/1.1\r\n${head}\r\n`), body];
    }),
  );
}

function inHttp2(requests: readonly FaultyRequest[], fault: Fault, random: Random): Buffer {
  const begin = fault === "unread" ? [preface, settings({ [initialWindowSize]: 0 })] : [preface];
  const streams = requests.map(({ method, path, headers, body }, at) => {
    const stream = 2 * at + 1;
    const target = method === "CONNECT" ? {} : { ":scheme": "http", ":path": path };
    const block = headerBlock({ ":method": method, ...target, ":authority": "localhost", ...headers, te: "trailers" });
    const frames = [frame("headers", flags.endHeaders, stream, block)];
    for (let from = 0; from < body.length; from += frameBytes) {
      frames.push(frame("data", 0, stream, body.subarray(from, from + frameBytes)));
    }
    if (fault !== "aborted") frames.push(frame("data", flags.endStream, stream));
    return frames;
  });
  return Buffer.concat([...begin, ...(random() < 0.5 ? streams.flat() : interleaved(streams))]);
}

/** The frames of several streams, one of each in turn. */
function interleaved(streams: readonly (readonly Buffer[])[]): Buffer[] {
  const most = Math.max(...streams.map(({ length }) => length));
  return Array.from({ length: most }, (_, at) => streams.flatMap((frames) => frames.slice(at, at + 1))).flat();
}

function garbled(bytes: Buffer, random: Random): Buffer {
  const kind = random();
  const noise = Buffer.from(Array.from({ length: 1 + below(random, 2_000) }, () => below(random, 256)));
  if (kind < 0.2) return noise;
  if (kind < 0.4) return Buffer.concat([bytes, noise]);
  if (kind < 0.6) {
    const types = Object.keys(frameTypes) as (keyof typeof frameTypes)[];
    const frames = Array.from({ length: 20 }, () =>
      frame(oneOf(random, types), below(random, 256), below(random, 20), noise.subarray(0, below(random, 40))),
    );
    return Buffer.concat([preface, ...frames]);
  }
  const changed = Buffer.from(bytes);
  for (let times = 1 + below(random, 20); times > 0; times--)
    changed[below(random, changed.length)] = below(random, 256);
  return changed;
}
