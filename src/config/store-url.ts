/** Where users are kept, as the operator writes it. */
export type StoreLocation =
  | { readonly kind: "sqlite"; readonly path: string }
  | { readonly kind: "redis"; readonly url: string };

/**
 * @param text `sqlite:PATH` or `redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]`
 * @throws Error that says what is expected
 */
export function parseStoreLocation(text: string): StoreLocation {
  if (text.startsWith("sqlite:")) {
    const path = text.slice("sqlite:".length);
    if (path === "") throw new Error("Expected a file after sqlite:, as in sqlite:data/rollcall.db.");
    return { kind: "sqlite", path };
  }
  if (text.startsWith("redis://")) {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url === undefined || url.hostname === "" || !/^(\/\d*)?$/.test(url.pathname)) {
      throw new Error("Expected redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE].");
    }
    return { kind: "redis", url: text };
  }
  throw new Error("Expected sqlite:PATH or redis://HOST[:PORT][/DATABASE].");
}

/** The location without its credentials, for people and logs. */
export function describeStoreLocation(location: StoreLocation): string {
  if (location.kind === "sqlite") return `sqlite:${location.path}`;
  const { host, pathname } = new URL(location.url);
  return `redis://${host}${pathname === "/" ? "" : pathname}`;
}
