export interface Address {
  readonly host: string;
  readonly port: number;
}

/** HOST:PORT, with an IPv6 address in brackets. */
export function formatAddress({ host, port }: Address): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/**
 * @param text HOST:PORT; port 0 stands for a free one
 * @throws Error that says what is expected
 */
export function parseAddress(text: string): Address {
  const { host, port } = splitHostPort(text, 0) ?? {};
  if (host === undefined || port === undefined) {
    throw new Error("Expected HOST:PORT, as in 127.0.0.1:50051 or [::1]:50051.");
  }
  return { host, port };
}

/** @returns the parts of HOST or HOST:PORT, where an IPv6 address is in brackets; undefined for anything else */
export function splitHostPort(text: string, minPort = 1): { host: string; port: number | undefined } | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined) return undefined;
  if (match?.[3] === undefined) return { host, port: undefined };
  const port = Number(match[3]);
  return port < minPort || port > 65_535 ? undefined : { host, port };
}
