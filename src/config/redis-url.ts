import { formatAddress } from "./address.ts";

/** Where Redis is, as the operator writes it: one server, a cluster, or a server that Sentinels name. */
export interface RedisLocation {
  readonly kind: "redis";
  readonly topology: "standalone" | "cluster" | "sentinel";
  /** The server; some of the cluster's nodes; or the Sentinels. One at least. */
  readonly endpoints: readonly Endpoint[];
  readonly tls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** 0 in a cluster. */
  readonly database: number;
  /** What the Sentinels call the primary; of a `sentinel` alone. */
  readonly masterName: string | undefined;
}

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

const expected = {
  standalone: "redis://[[USER][:PASSWORD]@]HOST[:PORT][/DATABASE]",
  cluster: "redis+cluster://[[USER][:PASSWORD]@]HOST[:PORT][,HOST[:PORT]…]",
  sentinel: "redis+sentinel://[[USER][:PASSWORD]@]HOST[:PORT][,HOST[:PORT]…]/NAME[/DATABASE]",
} as const;

/** Any URL of Redis, however wrong the rest of it is. */
export const isRedisUrl = (text: string) => /^rediss?(\+\w*)?:/.test(text);

/**
 * @param text `redis://…`, `redis+cluster://…` or `redis+sentinel://…` as above, or the same with `rediss` for TLS
 * @throws Error that says what is expected and does not repeat the text, which may hold a password
 */
export function parseRedisUrl(text: string): RedisLocation {
  const scheme = /^(rediss?)(?:\+(cluster|sentinel))?:\/\/(.*)$/s.exec(text);
  if (scheme === null) throw new Error(`Expected ${Object.values(expected).join(", or ")}; rediss for TLS.`);
  const topology = scheme[2] === "cluster" || scheme[2] === "sentinel" ? scheme[2] : "standalone";
  const wrong = () => new Error(`Expected ${expected[topology].replace("redis", scheme[1] ?? "redis")}.`);

  const rest = /^(?:([^@/?#]*)@)?([^@/?#]+)((?:\/[^/?#]*)*)$/.exec(scheme[3] ?? "");
  if (rest === null) throw wrong();
  const [, credentials, hosts = "", path = ""] = rest;
  const endpoints = hosts.split(",").map((host) => parseEndpoint(host, topology === "sentinel" ? 26_379 : 6_379));
  if (!endpoints.every((endpoint) => endpoint !== undefined)) throw wrong();
  if (topology === "standalone" && endpoints.length > 1) throw wrong();

  const segments = path === "" || path === "/" ? [] : path.slice(1).split("/");
  const masterName = topology === "sentinel" ? decoded(segments.shift() ?? "", wrong) : undefined;
  if (masterName === "") throw wrong();
  const database = segments.shift() || "0";
  if (segments.length > 0 || !/^\d{1,9}$/.test(database)) throw wrong();
  if (topology === "cluster" && database !== "0") throw new Error("A cluster has database 0 alone.");

  const [, user = "", colon, password = ""] = /^([^:]*)(:?)(.*)$/s.exec(credentials ?? "") ?? [];
  if (credentials !== undefined && (colon ? password : user) === "") throw wrong();
  return {
    kind: "redis",
    topology,
    endpoints,
    tls: scheme[1] === "rediss",
    username: decoded(user, wrong) || undefined,
    password: decoded(password, wrong) || undefined,
    database: Number(database),
    masterName,
  };
}

/** The URL without its credentials. */
export function describeRedisUrl({ topology, endpoints, tls, database, masterName }: RedisLocation): string {
  const scheme = `${tls ? "rediss" : "redis"}${topology === "standalone" ? "" : `+${topology}`}`;
  const hosts = endpoints.map(formatAddress);
  const path = [...(masterName === undefined ? [] : [encodeURIComponent(masterName)]), ...(database ? [database] : [])];
  return [`${scheme}://${hosts.join(",")}`, ...path].join("/");
}

function parseEndpoint(text: string, defaultPort: number): Endpoint | undefined {
  const parts = splitHostPort(text);
  return parts && { host: parts.host, port: parts.port ?? defaultPort };
}

/** @returns the parts of HOST or HOST:PORT, an IPv6 address in brackets; undefined for anything else */
export function splitHostPort(text: string): { host: string; port: number | undefined } | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = match?.[3] === undefined ? undefined : Number(match[3]);
  return host === undefined || port === 0 || (port ?? 1) > 65_535 ? undefined : { host, port };
}

function decoded(text: string, wrong: () => Error): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong();
  }
}
