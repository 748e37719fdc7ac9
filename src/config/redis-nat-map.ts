/** Maps the addresses that Redis servers announce to addresses that reach them, behind NAT or a port forward. */
import { type Address, splitHostPort } from "./address.ts";

/** By announced address; an entry without a port is for every port of the host. */
export type NatMap = ReadonlyMap<string, NatEntry>;

interface NatEntry {
  readonly host: string;
  readonly port: number | undefined;
  /** FROM=TO, as given. */
  readonly text: string;
}

/**
 * @param text FROM=TO, separated by commas: both are HOST:PORT, or both are HOST, which keeps ports as they are
 * @throws Error that names the wrong entry, and what is wrong with it
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

/** @returns the address that reaches a server */
export function reachableAt(map: NatMap, announced: Address): Address {
  const to = map.get(keyOf(announced.host, announced.port)) ?? map.get(keyOf(announced.host, undefined));
  return to === undefined ? announced : { host: to.host, port: to.port ?? announced.port };
}

/** @returns the entry that leads to an address, as given */
export function entryTo(map: NatMap, { host, port }: Address): string | undefined {
  return [...map.values()].find((to) => to.host === host && (to.port ?? port) === port)?.text;
}

function keyOf(host: string, port: number | undefined): string {
  return `${host.toLowerCase()} ${port ?? "any"}`;
}
