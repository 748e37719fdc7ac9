import type { AddressInfo } from "node:net";

/** Tells the parent process which port this server listens on. */
export function announce(address: AddressInfo | string | null): void {
  if (address === null || typeof address === "string") throw new Error("the server listens on no port");
  process.send?.({ port: address.port });
}
