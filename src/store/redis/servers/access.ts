import type { NatMap } from "../../../config/redis-nat-map.ts";
import type { RedisLocation } from "../../../config/redis-url.ts";

/** In PEM. */
interface RedisTls {
  readonly ca?: Buffer | undefined;
  readonly cert?: Buffer | undefined;
  readonly key?: Buffer | undefined;
}

/** The current passwords. They may change; new connections use the new ones. */
export interface RedisPasswords {
  /** From the location, or from a file if that has none. */
  readonly server: string | undefined;
  readonly sentinel: string | undefined;
}

/** How to reach Redis. */
export interface RedisAccess {
  readonly location: RedisLocation;
  readonly tls: RedisTls | undefined;
  readonly passwords: RedisPasswords;
  /** The user name for the Sentinels. */
  readonly sentinelUsername: string | undefined;
  /** Maps the addresses that servers announce to those that reach them. */
  readonly natMap: NatMap;
  /** Called with each failure of a connection, which is then made again. */
  readonly onConnectionError: (error: Error) => void;
}
