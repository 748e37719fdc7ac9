/** Tells keys apart that a scan of Redis has found. */
import type { Finding } from "../verify/verifier.ts";
import { partitionTags } from "./keys.ts";
import type { UserKey } from "./verify-look.ts";

/** The keys of one step of a scan. */
export interface SortedKeys {
  readonly users: readonly UserKey[];
  /** Version 0.1 left such a key for each deletion, for two minutes. */
  readonly marks: readonly UserKey[];
  /** Keys that belong to no partition. */
  readonly strays: readonly Finding[];
}

const ofUsers = ":user:";
const ofMarks = ":deleted:";
/** Keys of which each partition has one, and which are examined by name. */
const single: readonly string[] = [":ids", ":entries", ":configuration", ":sweep", ":tombstones"];

/** @param keys keys that begin with the prefix and a brace */
export function sortKeys(keys: readonly Buffer[], prefix: string): SortedKeys {
  const users: UserKey[] = [];
  const marks: UserKey[] = [];
  const strays: Finding[] = [];
  for (const key of keys) {
    const tagAt = Buffer.byteLength(prefix) + 1;
    const tagEnd = key.indexOf("}", tagAt);
    const tag = key.toString("utf8", tagAt, tagEnd);
    const rest = key.subarray(tagEnd + 1);
    const partition = partitionTags.indexOf(tag);
    const id = rest.subarray(ofUsers.length);
    const isUser = startsWith(rest, ofUsers);
    if (partition < 0) {
      const problem = `is kept under the hash tag {${tag}}, where no server looks for it`;
      strays.push({ id: isUser ? id : key, check: "place", problem });
    } else if (isUser) users.push({ partition, key, id });
    else if (startsWith(rest, ofMarks)) marks.push({ partition, key, id: key });
    else if (!single.includes(rest.toString("latin1"))) {
      strays.push({ id: key, check: "key", problem: "is no key of Rollcall's" });
    }
  }
  return { users, marks, strays };
}

function startsWith(bytes: Buffer, text: string): boolean {
  return bytes.toString("latin1", 0, text.length) === text;
}
