/** A caller who means well, and cancels half of what it asks for. */
import { setTimeout as pause } from "node:timers/promises";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { frame } from "../support/http2-frames.ts";
import { ResettingCaller } from "../support/resetting-caller.ts";
import { localAddress } from "./connections.ts";

const message = encodeURIComponent('{"id":"nobody"}');
const path = `/${UserService.typeName}/${UserService.method.getUser.name}?connect=v1&encoding=json&message=${message}`;
const windowUpdate = frame("windowUpdate", 0, 0, Buffer.of(0x7f, 0, 0, 0));

/**
 * Asks 500 times a second at most, and twice for each.
 *
 * @throws Error if the server ends its connection
 */
export async function hedge(port: number): Promise<void> {
  const caller = await ResettingCaller.connect(port, { localAddress, headers: { ":method": "GET", ":path": path } });
  caller.socket.write(windowUpdate);
  for (;;) {
    await caller.call({ answered: 10, reset: 10 });
    if (caller.socket.closed) throw new Error("the server has ended the connection of a caller who hedges");
    await pause(20);
  }
}
