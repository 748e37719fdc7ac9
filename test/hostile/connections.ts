/** Connections of hostile peers, each made anew when the server has closed it. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { preface } from "../support/http2-frames.ts";

/** Not the one from which others come. */
export const localAddress = "127.0.0.66";
/** As an operator's file descriptors allow it. */
const crowd = 1_000;
export const streamsPerConnection = 250;
const nothing: Buffer = Buffer.alloc(0);

/** @param reads whether what comes over it is taken in, and dropped */
export async function opened(port: number, { reads = true } = {}): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port, localAddress, noDelay: true });
  socket.setMaxListeners(0).on("error", () => {});
  if (reads) socket.resume();
  await Promise.race([once(socket, "connect"), once(socket, "close")]);
  return socket;
}

/** Resolves when there is room for more, or never will be. */
export async function write(socket: Socket, bytes: Uint8Array): Promise<void> {
  if (socket.destroyed) throw new Error("the connection is closed");
  if (socket.write(bytes)) return;
  await Promise.race([once(socket, "drain"), once(socket, "close")]).catch(() => {});
}

/** Does something again and again on one connection, and on a new one when that is closed. */
export async function repeatedly(
  port: number,
  step: (socket: Socket, at: number) => Promise<void>,
  { begin = preface, reads = true } = {},
): Promise<void> {
  for (;;) {
    const socket = await opened(port, { reads });
    try {
      await write(socket, begin);
      for (let at = 0; !socket.destroyed; at++) await step(socket, at);
    } catch {
      // The server has closed the connection.
    }
    socket.destroy();
  }
}

/** One frame, over and over, many at once. */
export function flood(port: number, one: Buffer, begin: Buffer = Buffer.alloc(0)): Promise<void> {
  const many = Buffer.concat(Array.from({ length: 1_000 }, () => one));
  return repeatedly(port, (socket, at) => write(socket, at === 0 ? begin : many));
}

/** Many streams on a few connections, each of which does the same; on new connections when those are closed. */
export async function streams(
  port: number,
  connections: number,
  work: (socket: Socket, stream: number) => Promise<void>,
  { begin = nothing, perConnection = streamsPerConnection } = {},
): Promise<void> {
  const one = async () => {
    for (;;) {
      const socket = await opened(port);
      try {
        await write(socket, Buffer.concat([preface, begin]));
        await Promise.all(Array.from({ length: perConnection }, (_, at) => work(socket, 2 * at + 1)));
      } catch {
        await pause(10);
      }
      socket.destroy();
    }
  };
  await Promise.all(Array.from({ length: connections }, one));
}

/** A crowd of connections, each made anew when it is closed. */
export async function crowdOf(open: () => Promise<Socket>): Promise<void> {
  const one = async () => {
    for (;;) {
      try {
        const socket = await open();
        if (!socket.destroyed) await once(socket, "close");
      } catch {
        await pause(100);
      }
    }
  };
  await Promise.all(Array.from({ length: crowd }, one));
}
