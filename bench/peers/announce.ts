import type { AddressInfo } from "node:net";

/** Tells whoever started this process where it listens. */
export function announce(address: AddressInfo | string | null): void {
  if (address === null || typeof address === "string") throw new Error("the server listens on no port");
  process.send?.({ port: address.port });
}
