import type { Socket } from "node:net";
import { preface } from "../http2/protocol.ts";
import { ignore } from "./ignore.ts";
import type { Serve } from "./tls-server.ts";

/**
 * Finds the protocol of a new connection by its first bytes, and leaves them to be read. It decides at the first byte that
 * differs from HTTP/2's preface: `POST` begins like it.
 *
 * If that takes longer than `timeoutMs`, the socket is destroyed. If the socket closes before, nothing is called.
 *
 * @param onTimeout called once the socket is destroyed
 */
export function sniffProtocol(socket: Socket, timeoutMs: number, serve: Serve, onTimeout: () => void): void {
  let seen: Buffer = Buffer.alloc(0);
  const timer = setTimeout(() => {
    socket.destroy();
    onTimeout();
  }, timeoutMs);
  const done = () => {
    clearTimeout(timer);
    socket.off("readable", onReadable);
    socket.off("end", onEnd);
    socket.off("close", done);
    socket.off("error", ignore);
  };
  const onReadable = () => {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) return;
    seen = Buffer.concat([seen, chunk]);
    const compared = Math.min(seen.length, preface.length);
    const isPreface = seen.subarray(0, compared).equals(preface.subarray(0, compared));
    if (isPreface && seen.length < preface.length) return;
    done();
    socket.unshift(seen);
    serve(socket, isPreface ? "2" : "1.1");
  };
  const onEnd = () => socket.destroy();
  socket.on("readable", onReadable);
  socket.once("end", onEnd);
  socket.once("close", done);
  socket.on("error", ignore);
}
