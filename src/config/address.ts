/** Where a server listens. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** HOST:PORT, with an IPv6 address in brackets. */
export function formatAddress({ host, port }: Address): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** @throws Error that says what is expected */
export function parseAddress(text: string): Address {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || port > 65_535) {
    throw new Error("Expected HOST:PORT, as in 127.0.0.1:50051 or [::1]:50051.");
  }
  return { host, port };
}
