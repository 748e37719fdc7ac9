/**
 * Page tokens of a listing: where the page before ended. Opaque to callers: base64url of a version, a checksum and the id
 * of the last user that the page considered.
 */
import { createHash } from "node:crypto";
import { parseUserId, type UserId } from "./user-id.ts";

const version = 1;
const checksumBytes = 4;

export function formatPageToken(after: UserId): string {
  const id = Buffer.from(after, "utf8");
  return Buffer.concat([Buffer.of(version), checksum(id), id]).toString("base64url");
}

/** The id after which the page begins; undefined for what is no page token. */
export function parsePageToken(token: string): UserId | undefined {
  const bytes = Buffer.from(token, "base64url");
  const id = bytes.subarray(1 + checksumBytes);
  const intact = bytes[0] === version && checksum(id).equals(bytes.subarray(1, 1 + checksumBytes));
  if (!intact || bytes.toString("base64url") !== token) return undefined;
  const userId = parseUserId(id);
  return typeof userId === "string" ? userId : undefined;
}

function checksum(id: Uint8Array): Buffer {
  return createHash("sha256").update(id).digest().subarray(0, checksumBytes);
}
