import { type Address, formatAddress, splitHostPort } from "./address.ts";

/** Where Redis is: one server, a cluster, or a server that Sentinels name. */
export interface RedisLocation {
  readonly kind: "redis";
  readonly topology: "standalone" | "cluster" | "sentinel";
  /** The server, nodes of the cluster, or the Sentinels: at least one. */
  readonly endpoints: readonly Address[];
  readonly tls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Always 0 in a cluster. */
  readonly database: number;
  /** The primary's name at the Sentinels; undefined without Sentinels. */
  readonly masterName: string | undefined;
}

const expected = {
  standalone: "redis://[[USER][:PASSWORD]@]HOST[:PORT][/DATABASE]",
  cluster: "redis+cluster://[[USER][:PASSWORD]@]HOST[:PORT][,HOST[:PORT]…]",
  sentinel: "redis+sentinel://[[USER][:PASSWORD]@]HOST[:PORT][,HOST[:PORT]…]/NAME[/DATABASE]",
} as const;

/** Whether the scheme is one of Redis, even if the rest is wrong. */
export const isRedisUrl = (text: string) => /^rediss?(\+\w*)?:/.test(text);

/**
 * @param text as above, with `rediss` for TLS
 * @throws Error that says what is expected, without the text, which may hold a password
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
  if (topology === "cluster" && database !== "0") throw new Error("A cluster has only database 0.");

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

function parseEndpoint(text: string, defaultPort: number): Address | undefined {
  const parts = splitHostPort(text);
  return parts && { host: parts.host, port: parts.port ?? defaultPort };
}

function decoded(text: string, wrong: () => Error): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong();
  }
}
