/** Keys that verify JSON Web Tokens: https://www.rfc-editor.org/rfc/rfc7517 */
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  type FetchImplementation,
  type JSONWebKeySet,
  type JWTVerifyGetKey,
} from "jose";
import { isLoopback } from "../config/loopback.ts";
import { type WatchedFile, watchedFile } from "../config/watched-file.ts";
import { checkUsable } from "./usable-keys.ts";

/** Pause before the first set of keys is fetched again; it doubles with each failure. */
const firstRetryMs = 1_000;
const maxRetryMs = 30_000;

export interface Keys {
  /** Without a set of keys it rejects with an error that is not the caller's fault. */
  readonly find: JWTVerifyGetKey;
  close(): void;
}

/**
 * @param jwks a URL, or a file, which is read again when it changes
 * @param onError called when the set cannot be read again; the previous keys stay in use
 * @throws Error that names the option or the file if it cannot be used
 */
export function openKeys(jwks: string, onError: (error: Error) => void): Keys {
  if (/^https?:/i.test(jwks)) return { find: keysOf(checkedUrl(jwks), onError), close() {} };
  const parse = (content: Buffer) => parseKeys(content.toString("utf8"));
  const file: WatchedFile<JWTVerifyGetKey> = watchedFile({ path: jwks, parse, onError });
  return { find: (header, input) => file.content(header, input), close: () => file.close() };
}

function checkedUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || url.username !== "" || url.password !== "") {
    throw new Error("--jwt-jwks is not a URL for keys; expected https://HOST/PATH, without user and password");
  }
  if (url.protocol === "http:" && !isLoopback(url.hostname.replace(/^\[|\]$/g, ""))) {
    throw new Error(`--jwt-jwks ${url.origin}${url.pathname}: anyone on the way could replace the keys; use https`);
  }
  return url;
}

/**
 * jose caches the set and fetches it again, at most every 30 seconds for an unknown key. While the provider fails, the
 * fetch function answers with the last good set.
 */
function keysOf(url: URL, onError: (error: Error) => void): JWTVerifyGetKey {
  let good: string | undefined;
  let failures = 0;
  let last: { readonly error: Error; readonly retryAt: number } | undefined;
  const fetchSet: FetchImplementation = async (href, options) => {
    if (last !== undefined && Date.now() < last.retryAt) throw last.error;
    try {
      const text = await textAt(href, options);
      parseKeys(text);
      good = text;
      failures = 0;
      last = undefined;
    } catch (cause) {
      const error = new Error(`${url.origin}${url.pathname}: ${reasonOf(cause)}`);
      if (good === undefined) {
        last = { error, retryAt: Date.now() + Math.min(maxRetryMs, firstRetryMs * 2 ** failures++) };
        throw error;
      }
      onError(error);
    }
    return new Response(good);
  };
  return createRemoteJWKSet(url, { [customFetch]: fetchSet });
}

async function textAt(...[href, options]: Parameters<FetchImplementation>): Promise<string> {
  const response = await fetch(href, options);
  if (response.status === 200) return response.text();
  await response.body?.cancel();
  throw new Error(`answered ${response.status}`);
}

/** @throws Error that quotes nothing of the text, if it holds no usable key */
function parseKeys(text: string): JWTVerifyGetKey {
  let set: JSONWebKeySet;
  try {
    set = JSON.parse(text);
  } catch {
    throw new Error("is not a JSON Web Key Set");
  }
  checkUsable(set);
  return createLocalJWKSet(set);
}

/** `fetch` puts the reason of a lost connection into the cause of its error. */
function reasonOf(failure: unknown): string {
  const cause = failure instanceof Error && failure.cause instanceof Error ? failure.cause : failure;
  if (!(cause instanceof Error)) return "cannot be fetched";
  return cause.message === "" && "code" in cause ? String(cause.code) : cause.message;
}
