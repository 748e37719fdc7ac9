/** HTTP/2 connections that do nothing once both sides have exchanged their SETTINGS. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { flags, frame, framesIn, frameTypes, preface } from "../test/support/http2-frames.ts";

/** Beyond these, connections would wait in the server's backlog. */
const openedAtOnce = 200;

export interface IdleConnections {
  close(): void;
}

/** Rejects if the server closes one of them before all are open. */
export async function openIdleConnections(port: number, count: number): Promise<IdleConnections> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const more = Math.min(openedAtOnce, count - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: more }, () => openOne(port)))));
  }
  const closed = sockets.filter((socket) => socket.closed).length;
  if (closed > 0) throw new Error(`the server closed ${closed} of ${count} idle connections`);
  return {
    close() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function openOne(port: number): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  socket.write(preface);
  const awaited = new Set(["theirs", "acknowledged"]);
  let received = Buffer.alloc(0);
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    received = Buffer.concat([received, chunk]);
    for (const { type, flags: bits } of framesIn(received)) {
      if (type === frameTypes.settings) awaited.delete((bits & flags.ack) === 0 ? "theirs" : "acknowledged");
    }
    if (awaited.size === 0) break;
  }
  if (awaited.size > 0) throw new Error("the server closed a new connection");
  socket.write(frame("settings", flags.ack, 0));
  // What comes later is read and thrown away; an error closes the socket.
  socket.on("error", () => {}).resume();
  return socket;
}
