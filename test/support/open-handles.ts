import { createHook } from "node:async_hooks";

/** What keeps a process from ending, or could, or holds on to something outside of it. */
const kinds = new Set([
  "Timeout",
  "TCPSERVERWRAP",
  "TCPWRAP",
  "TCPCONNECTWRAP",
  "TLSWRAP",
  "HTTP2SESSION",
  "WORKER",
  "MESSAGEPORT",
  "GETADDRINFOREQWRAP",
]);

/** Timers, sockets and threads that are opened from now on and are not closed, with where they were opened; but for `until`'s. */
export function watchHandles(): { open(): readonly string[]; stop(): void } {
  const open = new Map<number, string>();
  const hook = createHook({
    init(id, type) {
      if (!kinds.has(type)) return;
      const { stack = "" } = new Error("opened");
      if (!stack.includes("support/until.ts")) open.set(id, `${type} ${stack}`);
    },
    destroy(id) {
      open.delete(id);
    },
  }).enable();
  return { open: () => [...open.values()], stop: () => void hook.disable() };
}
