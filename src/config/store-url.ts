import { describeRedisUrl, isRedisUrl, parseRedisUrl, type RedisLocation } from "./redis-url.ts";

/** Where users are stored. */
export type StoreLocation = { readonly kind: "sqlite"; readonly path: string } | RedisLocation;

/**
 * @param text `sqlite:PATH`, or a URL of Redis (redis-url.ts)
 * @throws Error that says what is expected, without the text, which may hold a password
 */
export function parseStoreLocation(text: string): StoreLocation {
  if (text.startsWith("sqlite:")) {
    const path = text.slice("sqlite:".length);
    if (path === "" || path === ":memory:") {
      throw new Error("Expected a file after sqlite:, as in sqlite:data/rollcall.db.");
    }
    if (/^\/\/[^/]/.test(path)) {
      throw new Error(
        "Expected a path right after sqlite:, as in sqlite:data/rollcall.db or sqlite:/var/lib/rollcall.db.",
      );
    }
    return { kind: "sqlite", path };
  }
  if (isRedisUrl(text)) return parseRedisUrl(text);
  throw new Error("Expected sqlite:PATH, redis://HOST…, redis+cluster://HOST… or redis+sentinel://HOST…");
}

/** The location without its credentials, for messages and logs. */
export function describeStoreLocation(location: StoreLocation): string {
  return location.kind === "sqlite" ? `sqlite:${location.path}` : describeRedisUrl(location);
}
