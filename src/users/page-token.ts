/**
 * Page tokens: the cursor of a listing. Opaque to callers: base64url of a version, a checksum and the id of the last user
 * that the page looked at.
 */
import { createHash } from "node:crypto";
import { Invalid, type Parsed } from "./parsed.ts";
import { parseUserId, type UserId } from "./user-id.ts";

const description = "is not one that ListUsers gave";
const invalid = new Invalid({ field: "page_token", reason: "INVALID_PAGE_TOKEN", description });
const version = 1;
const checksumBytes = 4;

export function formatPageToken(after: UserId): string {
  const id = Buffer.from(after, "utf8");
  return Buffer.concat([Buffer.of(version), checksum(id), id]).toString("base64url");
}

/** @returns the id after which the page begins */
export function parsePageToken(token: string): Parsed<UserId> {
  const bytes = Buffer.from(token, "base64url");
  const id = bytes.subarray(1 + checksumBytes);
  const intact = bytes[0] === version && checksum(id).equals(bytes.subarray(1, 1 + checksumBytes));
  const userId = intact && bytes.toString("base64url") === token ? parseUserId(id) : invalid;
  return userId instanceof Invalid ? invalid : userId;
}

function checksum(id: Uint8Array): Buffer {
  return createHash("sha256").update(id).digest().subarray(0, checksumBytes);
}
