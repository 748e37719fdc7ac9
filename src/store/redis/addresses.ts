import type { Endpoint } from "../../config/redis-url.ts";

/** @param text as servers tell it: a host, which may have colons itself or be empty, a colon and a port */
export function parseAddress(text: string): Endpoint {
  const colon = text.lastIndexOf(":");
  return { host: text.slice(0, Math.max(colon, 0)).replace(/^\[|\]$/g, ""), port: Number(text.slice(colon + 1)) };
}
