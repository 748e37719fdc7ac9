/** Peers who leave unread what the server sends, or make it leave unread what they send. */
import { once } from "node:events";
import { constants } from "node:http2";
import type { Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { enveloped } from "../support/grpc-streams.ts";
import { flags, frame, grpcHeaders, headerBlock } from "../support/http2-frames.ts";
import { opened, repeatedly, write } from "./connections.ts";
import { openSession } from "./costly-calls.ts";

const { batchIdentify, identify } = UserService.method;
const identifyPath = `/${UserService.typeName}/${identify.name}`;

/** What a server lets a caller send ahead, on one stream and on one connection. */
const streamWindowBytes = 512 * 1024;
const connectionWindowBytes = 16 * 1024 * 1024;
const frameBytes = 16 * 1024;
/** With as many connections as fill 704 MiB. */
const connections = 44;

/** Requests that Node would answer by itself, each with as much of a body as the windows let through. */
export async function expectAndConnect(port: number): Promise<void> {
  const expecting = grpcHeaders(identifyPath, { expect: "x" });
  const connecting = headerBlock({ ":method": "CONNECT", ":authority": "localhost:1" });
  const data = Buffer.alloc(frameBytes);
  const fill = async (socket: Socket, at: number) => {
    const stream = 2 * at + 1;
    await write(socket, frame("headers", flags.endHeaders, stream, at % 2 === 0 ? expecting : connecting));
    const body = Array.from({ length: streamWindowBytes / frameBytes }, () => frame("data", 0, stream, data));
    await write(socket, Buffer.concat(body));
  };
  const one = () =>
    repeatedly(port, async (socket, at) => {
      // The connection's window comes with the server's SETTINGS.
      if (at === 0) await pause(100);
      await fill(socket, at);
      if (at + 1 < connectionWindowBytes / streamWindowBytes) return;
      await pause(1_000);
      socket.destroy();
    });
  await Promise.all(Array.from({ length: connections }, one));
}

const streams = 256;
const streamsPerConnection = 64;

/** As many streams of BatchIdentify as may be open, on which users fail all the time. Nobody reads of what. */
export async function unreadAnswers(port: number): Promise<void> {
  // A thousand users without an id, and BATCH_REPORT_ALL.
  const message = enveloped(Buffer.concat([Buffer.alloc(2_000, Buffer.of(0x0a, 0)), Buffer.of(0x10, 2)]));
  const connection = async () => {
    for (;;) {
      const session = await openSession(port, 0);
      const one = async () => {
        while (!session.closed && !session.destroyed) {
          const stream = session.request({
            ":method": "POST",
            ":path": `/${UserService.typeName}/${batchIdentify.name}`,
            "content-type": "application/grpc",
            te: "trailers",
          });
          stream.on("error", () => {}).pause();
          const closed = once(stream, "close").catch(() => {});
          while (!stream.closed && !stream.destroyed) {
            if (!stream.write(message)) await Promise.race([once(stream, "drain").catch(() => {}), closed]);
          }
          stream.close(constants.NGHTTP2_CANCEL);
          await pause(10);
        }
      };
      await Promise.all(Array.from({ length: streamsPerConnection }, one));
      await pause(100);
    }
  };
  await Promise.all(Array.from({ length: streams / streamsPerConnection }, connection));
}

/** HTTP/1.1: thousands of requests at once on most connections, and as many as may wait on the others. */
export async function pipelinedRequests(port: number): Promise<void> {
  const message = encodeURIComponent('{"id":"large"}');
  const path = `/${UserService.typeName}/${UserService.method.getUser.name}?connect=v1&encoding=json&message=${message}`;
  const ask = Buffer.from(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`);
  const asks = (count: number) => Buffer.alloc(count * ask.length, ask);
  const thousands = asks(5_000);
  const allowed = asks(16);
  const flooding = () =>
    repeatedly(port, (socket) => write(socket, thousands), { begin: Buffer.alloc(0), reads: false });
  const waiting = async () => {
    for (;;) {
      const socket = await opened(port, { reads: false });
      await write(socket, allowed).catch(() => {});
      await pause(2_000);
      socket.destroy();
    }
  };
  await Promise.all([...Array.from({ length: 32 }, flooding), ...Array.from({ length: 16 }, waiting)]);
}
