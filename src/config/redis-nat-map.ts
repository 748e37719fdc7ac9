/** Maps the addresses that Redis servers announce to those that reach them, as behind NAT or a port forward. */
import { type Endpoint, splitHostPort } from "./redis-url.ts";

/** By announced address, where the server is; without a port, for every port of the host. */
export type NatMap = ReadonlyMap<string, NatEntry>;

interface NatEntry {
  readonly host: string;
  readonly port: number | undefined;
  /** FROM=TO, as it was given. */
  readonly text: string;
}

/**
 * @param text FROM=TO, separated by commas: each a host and a port, or both a host alone, which leaves ports as they are
 * @throws Error that names the entry, and what is wrong with it
 */
export function parseNatMap(text: string): NatMap {
  const map = new Map<string, NatEntry>();
  for (const entry of text.split(",").map((part) => part.trim())) {
    const wrong = (what: string) =>
      new Error(`${what}. Expected FROM=TO,… as in 10.0.0.1:6379=127.0.0.1:7001 or 10.0.0.1=redis.example.com.`);
    if (entry === "") throw wrong("There is nothing before or after a comma");
    const sides = entry.split("=");
    const [from, to] = sides.map((side) => splitHostPort(side.trim()));
    if (from === undefined || to === undefined || sides.length > 2) throw wrong(`${entry} is not two addresses`);
    if ((from.port === undefined) !== (to.port === undefined)) throw wrong(`${entry} has a port on one side only`);
    const key = keyOf(from.host, from.port);
    if (map.has(key)) throw wrong(`${sides[0]} is repeated`);
    map.set(key, { ...to, text: entry });
  }
  return map;
}

/** @returns where a server is that announced an address */
export function reachableAt(map: NatMap, announced: Endpoint): Endpoint {
  const to = map.get(keyOf(announced.host, announced.port)) ?? map.get(keyOf(announced.host, undefined));
  return to === undefined ? announced : { host: to.host, port: to.port ?? announced.port };
}

/** @returns the entry that leads to an address, as it was given */
export function entryTo(map: NatMap, { host, port }: Endpoint): string | undefined {
  return [...map.values()].find((to) => to.host === host && (to.port ?? port) === port)?.text;
}

function keyOf(host: string, port: number | undefined): string {
  return `${host.toLowerCase()} ${port ?? "any"}`;
}
