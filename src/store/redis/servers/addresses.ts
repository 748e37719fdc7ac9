import type { Address } from "../../../config/address.ts";

/** @param text as servers announce it: a host, which may be empty or have colons without brackets, a colon and a port */
export function parseAnnounced(text: string): Address {
  const colon = text.lastIndexOf(":");
  return { host: text.slice(0, Math.max(colon, 0)).replace(/^\[|\]$/g, ""), port: Number(text.slice(colon + 1)) };
}
