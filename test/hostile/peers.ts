/** Callers that mean harm, or might as well. Each goes on until its process ends. */
import { Agent, request } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { Health } from "#gen-server/health/v1/health_pb.js";
import { enveloped, messageOf } from "../support/grpc-streams.ts";
import { flags, frame, grpcHeaders, headerBlock, preface, settings } from "../support/http2-frames.ts";
import {
  crowdOf,
  flood,
  localAddress,
  opened,
  repeatedly,
  streams,
  streamsPerConnection,
  write,
} from "./connections.ts";
import {
  brotliToOpenServices,
  emptyFieldsInBinary,
  emptyListsInJson,
  sendInTurn,
  smallThingsInJson,
  unknownFieldsToOpenServices,
} from "./costly-calls.ts";
import { hedge } from "./hedging.ts";
import { expectAndConnect, pipelinedRequests, unreadAnswers } from "./unread.ts";

const { getUser, identify } = UserService.method;
const identifyPath = `/${UserService.typeName}/${identify.name}`;
const getUserPath = `/${UserService.typeName}/${getUser.name}`;
const agent = new Agent({ keepAlive: true });
const watchPath = `/${Health.typeName}/${Health.method.watch.name}`;
const watchers = 1_000;
const initialWindowSize = 4;
/** Between the costly calls of one connection: with four of them, 20 a second at most. */
const costlyPauseMs = 200;

/** It keeps a core as busy as the others do, and leaves the server alone. */
export const harmless = "none";

export const peers = {
  [harmless]: async () => {
    for (;;) {
      const end = performance.now() + 10;
      while (performance.now() < end);
      await new Promise(setImmediate);
    }
  },

  "rapid reset": (port) =>
    repeatedly(port, (socket, at) => {
      const stream = 2 * at + 1;
      const headers = frame("headers", flags.endHeaders, stream, grpcHeaders(identifyPath));
      return write(socket, Buffer.concat([headers, frame("reset", 0, stream, Buffer.of(0, 0, 0, 8))]));
    }),

  "CONTINUATION flood": (port) =>
    repeatedly(port, (socket, at) => {
      if (at === 0) return write(socket, frame("headers", 0, 1, grpcHeaders(identifyPath)));
      const more = headerBlock({ [`x-${at}`]: "y".repeat(1_000) });
      return write(socket, frame("continuation", 0, 1, more));
    }),

  "PING flood": (port) => flood(port, frame("ping", 0, 0, Buffer.alloc(8))),

  "SETTINGS flood": (port) => flood(port, settings({ [initialWindowSize]: 65_535 })),

  "empty DATA flood": (port) => {
    const begin = frame("headers", flags.endHeaders, 1, grpcHeaders(identifyPath));
    return flood(port, frame("data", 0, 1), begin);
  },

  "slow bodies": async (port) => {
    const message = messageOf(identify, { id: "slow", properties: { name: "x".repeat(60_000) } });
    const half = message.length / 2;
    await streams(port, 4, async (socket, stream) => {
      await write(socket, frame("headers", flags.endHeaders, stream, grpcHeaders(identifyPath)));
      for (let at = 0; at < half; at += 8_000) await write(socket, dataFrame(stream, message.subarray(at, at + 8_000)));
      for (let at = half; ; at++) {
        await pause(500);
        await write(socket, dataFrame(stream, message.subarray(at, at + 1)));
      }
    });
  },

  "slow readers": async (port) => {
    const ask = messageOf(getUser, { id: "large" });
    await streams(
      port,
      4,
      async (socket, stream) => {
        for (let next = stream; ; next += 2 * streamsPerConnection) {
          await write(socket, frame("headers", flags.endHeaders, next, grpcHeaders(getUserPath)));
          await write(socket, frame("data", flags.endStream, next, ask));
          await pause(10_000);
        }
      },
      { begin: settings({ [initialWindowSize]: 0 }) },
    );
  },

  "gzip bombs, 20 a second": (port) => bombs(port, gzipSync(Buffer.alloc(64 * 1024 * 1024))),

  "gzip bombs that look small, 20 a second": (port) => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    bomb.writeUInt32LE(1_000, bomb.length - 4);
    return bombs(port, bomb);
  },

  "half-open connections": (port) =>
    crowdOf(async () => {
      const socket = await opened(port);
      await write(socket, preface.subarray(0, 10));
      return socket;
    }),

  "calls left half-way": (port) =>
    crowdOf(async () => {
      const socket = await opened(port);
      const headers = frame("headers", flags.endHeaders, 1, grpcHeaders(identifyPath));
      await write(
        socket,
        Buffer.concat([preface, headers, dataFrame(1, enveloped(Buffer.alloc(100)).subarray(0, 20))]),
      );
      return socket;
    }),

  "a thousand watchers on each of ten connections": async (port) => {
    const headers = (stream: number) => frame("headers", flags.endHeaders, stream, grpcHeaders(watchPath));
    const ask = enveloped(Buffer.alloc(0));
    await streams(
      port,
      10,
      async (socket, stream) => {
        for (let next = stream; ; next += 2 * watchers) {
          await write(socket, headers(next));
          await write(socket, frame("data", flags.endStream, next, ask));
          await pause(2_000);
        }
      },
      { perConnection: watchers },
    );
  },

  "a thousand idle connections": (port) =>
    crowdOf(async () => {
      const socket = await opened(port);
      await write(socket, preface);
      return socket;
    }),

  "unknown fields to health, gzip": (port) => sendInTurn(port, unknownFieldsToOpenServices(), 0),

  "Brotli bombs to health, 64 at once": (port) => sendInTurn(port, brotliToOpenServices(), 50, 64),

  "JSON of empty lists, 20 a second": (port) => sendInTurn(port, emptyListsInJson(), costlyPauseMs),

  "JSON of other small things, 20 a second": (port) => sendInTurn(port, smallThingsInJson(), costlyPauseMs),

  "unknown fields and empty items, 20 a second": (port) => sendInTurn(port, emptyFieldsInBinary(), costlyPauseMs),

  "expect and CONNECT": expectAndConnect,

  "answers that nobody reads": unreadAnswers,

  "pipelined requests": pipelinedRequests,

  "hedging caller": hedge,
} satisfies Record<string, (port: number) => Promise<void>>;

function dataFrame(stream: number, payload: Uint8Array): Buffer {
  return frame("data", 0, stream, payload);
}

async function bombs(port: number, bomb: Buffer): Promise<void> {
  const headers = { "content-type": "application/proto", "content-encoding": "gzip" };
  const one = async () => {
    for (;;) {
      await post(port, identifyPath, headers, bomb);
      await pause(costlyPauseMs);
    }
  };
  await Promise.all([1, 2, 3, 4].map(one));
}

/** Resolves when it has been answered, or its connection is closed. */
function post(port: number, path: string, headers: Readonly<Record<string, string>>, body: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const call = request({ host: "127.0.0.1", port, path, method: "POST", headers, localAddress, agent });
    call.on("response", (answer) => answer.resume().on("close", resolve)).on("error", () => setTimeout(resolve, 10));
    call.end(body);
  });
}
