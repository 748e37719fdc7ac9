/** Reads what a look at a user in Redis found, and judges it. */

import { numberOfEntry } from "../../users/indexes/entries.ts";
import { Invalid } from "../../users/parsed.ts";
import { parseUserId } from "../../users/user-id.ts";
import type { PackedReader } from "../packed/buffer.ts";
import { startsIn } from "../packed/indexed-edits.ts";
import { findIn, type SealRule, type StoredRecord } from "../verify/record-checks.ts";
import { type Finding, notListed, notThere } from "../verify/verifier.ts";
import { partitionOf } from "./keys.ts";

/** A key of a user; perhaps one that Rollcall would never read. */
export interface UserKey {
  readonly partition: number;
  readonly key: Buffer;
  readonly id: Buffer;
}

/** What a look at a user found. */
export interface Look {
  readonly listed: (typeof listings)[number];
  readonly kind: (typeof kinds)[number];
  readonly expires: boolean;
  readonly record: StoredRecord;
  /** What the user's entries begin with by its own field `i`; undefined if that cannot be read. */
  readonly ownEntries: readonly Uint8Array[] | undefined;
}

const listings = ["no", "yes", "with a score", "in no sorted set"] as const;
const kinds = ["none", "hash", "other"] as const;

export function readLook(reader: PackedReader, id: Buffer, withRecords: boolean): Look {
  const listed = listings[reader.u8()] ?? "no";
  const kind = kinds[reader.u8()] ?? "other";
  const expires = reader.u8() === 1;
  const field = () => {
    const isThere = reader.u8() === 1;
    const bytes = reader.bytes();
    return isThere ? bytes : undefined;
  };
  if (kind !== "hash" || !withRecords) return { listed, kind, expires, record: recordOf(id), ownEntries: [] };
  const record = recordOf(id, field(), field(), field(), field(), field());
  const ownEntries = startsIn(field() ?? nothing);
  const entries = startsIn(reader.bytes());
  return { listed, kind, expires, record: { ...record, entries, expires }, ownEntries };
}

const nothing = Buffer.alloc(0);
const timesBytes = 16;

function recordOf(
  id: Buffer,
  meta?: Buffer,
  properties?: Buffer,
  preferences: Buffer = Buffer.alloc(0),
  observed: Buffer = Buffer.alloc(0),
  seal?: Buffer,
): StoredRecord {
  const whole = meta !== undefined && meta.length > timesBytes ? meta : undefined;
  return {
    id,
    createdAt: whole?.readBigUInt64LE(0),
    updatedAt: whole?.readBigUInt64LE(8),
    etag: whole?.toString("utf8", timesBytes),
    properties,
    preferences,
    observed,
    seal,
  };
}

/** @param rule of records; undefined if they are not wanted */
export function problemsOf(
  { id, partition }: UserKey,
  { listed, kind, record, ownEntries }: Look,
  rule: SealRule | undefined,
): Finding[] {
  const finding = (check: string, problem: string): Finding => ({ id, check, problem });
  // It was deleted meanwhile.
  if (kind === "none" && listed === "no") return [];
  const parsed = parseUserId(id);
  if (!(parsed instanceof Invalid) && partitionOf(parsed) !== partition) {
    return [finding("place", `is kept in partition ${partition}, where no server looks for it`)];
  }
  if (kind === "none") {
    return listed === "in no sorted set" ? [] : [finding("listing", notThere)];
  }
  const found: Finding[] = [];
  if (kind === "other") found.push(finding("record", "is something else than a hash"));
  else if (rule !== undefined) {
    found.push(...findIn(record, rule));
    const problem = ownProblem(ownEntries, record.entries ?? [], rule);
    if (problem !== undefined) found.push(finding("entries", problem));
  }
  if (listed === "no") found.push(finding("listing", notListed));
  if (listed === "with a score") found.push(finding("listing", "is listed with a score: pages may leave it out"));
  return found;
}

/**
 * The entries of a user in the indexes and in its own field are changed in one step; only those of an index that is dropped are removed
 * from the indexes first.
 */
function ownProblem(
  own: readonly Uint8Array[] | undefined,
  there: readonly Uint8Array[],
  { indexes = [] }: SealRule,
): string | undefined {
  if (own === undefined) return "has a field i that cannot be read";
  const lacking = own.find(
    (start) =>
      !there.some((each) => Buffer.compare(each, start) === 0) &&
      !indexes.some(({ number, state }) => state === "dropping" && number === numberOfEntry(start)),
  );
  if (lacking === undefined) return undefined;
  const number = numberOfEntry(lacking);
  const index = indexes.find((each) => each.number === number);
  return index === undefined
    ? `names an entry in its field i of an index that does not exist (number ${number})`
    : `names an entry in its field i that the index of ${index.property} lacks`;
}
