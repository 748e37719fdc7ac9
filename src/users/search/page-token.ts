/**
 * Page tokens of FindUsers and ScanUsers: where the next page goes on, in the order of what is searched. Opaque to callers: base64url of
 * a version, a digest, and the place. The digest covers the place and what the token belongs to, so that a token of another search or
 * store is refused.
 */
import { createHash } from "node:crypto";
import { limits } from "../limits.ts";
import { Invalid, type Parsed } from "../parsed.ts";

const versions = { find: 2, scan: 3 } as const;
const digestBytes = 8;
/** Every token is shorter: its place is a value, whose NULs take two bytes, and an id. */
const maxTokenLength = 2 * (2 * limits.maxIndexedBytes + limits.maxIdBytes);

/** What a token belongs to. */
export interface TokenScope {
  readonly method: keyof typeof versions;
  readonly storeId: string;
  /** What the search is for. */
  readonly search: Uint8Array;
}

export function formatToken(scope: TokenScope, place: Uint8Array): string {
  return Buffer.concat([Buffer.of(versions[scope.method]), digestOf(scope, place), place]).toString("base64url");
}

/** @returns the place; undefined for the first page */
export function parseToken(scope: TokenScope, token: string): Parsed<Uint8Array | undefined> {
  if (token === "") return undefined;
  if (token.length > maxTokenLength) return foreignToken(scope);
  const bytes = Buffer.from(token, "base64url");
  const place = bytes.subarray(1 + digestBytes);
  const isOurs =
    bytes.toString("base64url") === token &&
    bytes[0] === versions[scope.method] &&
    digestOf(scope, place).equals(bytes.subarray(1, 1 + digestBytes));
  return isOurs ? place : foreignToken(scope);
}

/** A token whose place does not belong to its search: somebody has made it up. */
export function foreignToken({ method }: TokenScope): Invalid {
  const description =
    method === "find" ? "is not one that FindUsers gave for this match and index" : "is not one that ScanUsers gave";
  return new Invalid({ field: "page_token", reason: "INVALID_PAGE_TOKEN", description });
}

function digestOf({ method, storeId, search }: TokenScope, place: Uint8Array): Buffer {
  const head = Buffer.from(`${method} ${storeId} ${search.length} `);
  return createHash("sha256").update(head).update(search).update(place).digest().subarray(0, digestBytes);
}
