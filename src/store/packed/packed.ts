/**
 * The packed form of lists of commands and results, for a script or a thread: one buffer each way, little-endian, instead
 * of an object and several strings for each user. `u8+etag` is a length in one byte, and as many bytes.
 *
 *     commands   u8 groups, u32 count; for each: u8 verb, u8 flags, u8 group, u8+etag, u16+id (unless the keys of the call
 *                tell it), u32+body (edits or preferences); if the call has indexes: what the edits do to entries
 *                (indexed-edits.ts); if the flags say so: u64 observed µs, u8+etag wanted
 *     results    for each: u8 status; if applied: u8+etag, u16 count of ignored names, u8+name for each, and a found user if
 *                the command wants it; if damaged: u8 part; if too many or too large: u32 how many. Fewer results than
 *                commands if the first commands were enough for one call
 *     ids        u32 count; for each: u16+id
 *     range      u16+after (empty for the beginning), u32 count; the answer is ids
 *     found      for each: u8 kind (0 none, 1 user, 2 damaged); if user: u64 created µs, u64 updated µs, u8+etag,
 *                u32+properties, u32+preferences; if damaged: u8 part. Fewer than asked for if the answer grew too large
 */
import { isDamaged } from "../../users/damaged.ts";
import { Invalid } from "../../users/parsed.ts";
import type { IdentifyCommand, WriteCommand, WriteOutcome, WriteResult } from "../../users/store.ts";
import { type Edits, trustedEdits } from "../../users/struct/edits.ts";
import { parseUserId, type UserId } from "../../users/user-id.ts";
import type { Postponed } from "../adapter.ts";
import { PackedReader, PackedWriter } from "./buffer.ts";
import { type EditedIndexes, packIndexedEdits } from "./indexed-edits.ts";
import { unpackPart, unpackUser } from "./users.ts";

/** `setProperties` is an identify whose edits all set. */
export const verbs = {
  identify: 1,
  replacePreferences: 2,
  mergePreferences: 3,
  delete: 4,
  setProperties: 5,
} as const;
/** Added to the verb if the command hides its outcome. */
const hiding = 128;
export const flags = {
  canCreate: 1,
  wantUser: 2,
  validateOnly: 4,
  allowMissing: 8,
  observed: 16,
  ifExists: 32,
  ifMissing: 64,
  ifEtag: 128,
} as const;
export const status = {
  created: 1,
  updated: 2,
  unchanged: 3,
  deleted: 4,
  requiredMissing: 5,
  tooMany: 6,
  tooLarge: 7,
  notFound: 8,
  alreadyExists: 9,
  etagMismatch: 10,
  observedAhead: 11,
  storeFull: 12,
  postponed: 13,
  damaged: 14,
} as const;

const outcomes: Readonly<Record<number, WriteOutcome>> = {
  [status.created]: "created",
  [status.updated]: "updated",
  [status.unchanged]: "unchanged",
  [status.deleted]: "deleted",
};

/** Refusals without details. */
const refusals: Readonly<Record<number, WriteResult | Postponed>> = {
  [status.requiredMissing]: { refused: "required-missing" },
  [status.observedAhead]: { refused: "observed-ahead" },
  [status.notFound]: { refused: "not-found" },
  [status.alreadyExists]: { refused: "already-exists" },
  [status.etagMismatch]: { refused: "etag-mismatch" },
  [status.storeFull]: { refused: "store-full" },
  [status.postponed]: { refused: "postponed" },
};

/** The groups of users in a call whose keys tell the ids. */
export interface Grouping {
  /** How many groups there are, 0 to 64. */
  readonly groups: number;
  /** The group of a command, from 1. */
  readonly groupOf: (index: number) => number;
  /** The indexes that writes maintain; undefined for none. */
  readonly indexes?: EditedIndexes | undefined;
}

/** @param grouping without it, the commands contain the ids */
export function packCommands(commands: readonly WriteCommand[], grouping?: Grouping): Buffer<ArrayBuffer> {
  const size = commands.reduce((sum, command) => sum + frameBytes + command.id.length + bodyOf(command).length, 5);
  const writer = new PackedWriter(size).u8(grouping?.groups ?? 0).u32(commands.length);
  commands.forEach((command, index) => {
    packCommand(writer, command, grouping?.groupOf(index), grouping?.indexes);
  });
  return writer.finish();
}

/** What a command usually takes beside its id and its body. */
const frameBytes = 32;

function packCommand(
  writer: PackedWriter,
  command: WriteCommand,
  group: number | undefined,
  indexes: EditedIndexes | undefined,
): void {
  const observedAt = command.verb === "identify" ? command.observedAt : undefined;
  const wanted = command.precondition;
  let flag = 0;
  if (command.verb === "identify") flag |= identifyFlags(command);
  else if (command.verb === "set-preferences") flag |= flags.wantUser;
  else if (command.allowMissing) flag |= flags.allowMissing;
  if (observedAt !== undefined) flag |= flags.observed;
  if (wanted !== undefined) flag |= "etag" in wanted ? flags.ifEtag : wanted.exists ? flags.ifExists : flags.ifMissing;
  writer
    .u8(verbOf(command) + ("hidesOutcome" in command && command.hidesOutcome ? hiding : 0))
    .u8(flag)
    .u8(group ?? 0)
    .shortText(command.etag);
  if (group === undefined) writer.text(command.id);
  writer.bytes(bodyOf(command));
  if (indexes !== undefined) {
    if (command.verb === "identify") packIndexedEdits(writer, command.edits, indexes);
    else writer.u16(0);
  }
  if (observedAt !== undefined) writer.u64(observedAt);
  if (wanted !== undefined && "etag" in wanted) writer.shortText(wanted.etag);
}

/** An unpacked command; `flags` is a sum of the flags above. */
export interface PackedCommand {
  readonly verb: number;
  readonly hidesOutcome: boolean;
  readonly flags: number;
  readonly etag: string;
  readonly id: string;
  /** Edits, or preferences as edits that all set. */
  readonly body: Edits;
  readonly observedAt: number | undefined;
  readonly wantedEtag: string | undefined;
}

/** @param reader at a command, behind the head of the list */
export function unpackCommand(reader: PackedReader): PackedCommand {
  const code = reader.u8();
  const hidesOutcome = code >= hiding;
  const verb = hidesOutcome ? code - hiding : code;
  const flag = reader.u8();
  reader.u8();
  const etag = reader.shortText();
  const id = reader.text();
  const body = trustedEdits(reader.bytes());
  const observedAt = (flag & flags.observed) === 0 ? undefined : reader.u64();
  const wantedEtag = (flag & flags.ifEtag) === 0 ? undefined : reader.shortText();
  return { verb, hidesOutcome, flags: flag, etag, id, body, observedAt, wantedEtag };
}

function identifyFlags({ canCreate, wantUser, validateOnly }: IdentifyCommand): number {
  return (canCreate ? flags.canCreate : 0) | (wantUser ? flags.wantUser : 0) | (validateOnly ? flags.validateOnly : 0);
}

function verbOf(command: WriteCommand): number {
  switch (command.verb) {
    case "identify":
      return command.onlySets ? verbs.setProperties : verbs.identify;
    case "set-preferences":
      return command.merge ? verbs.mergePreferences : verbs.replacePreferences;
    case "delete":
      return verbs.delete;
  }
}

/** The edits or the preferences of a command. */
export function bodyOf(command: WriteCommand): Uint8Array {
  switch (command.verb) {
    case "identify":
      return command.edits;
    case "set-preferences":
      return command.preferences;
    case "delete":
      return noBody;
  }
}

const noBody = new Uint8Array();

/** @param commands the commands of the call; the last ones may have no results */
export function unpackResults(packed: Uint8Array, commands: readonly WriteCommand[]): (WriteResult | Postponed)[] {
  const reader = new PackedReader(packed);
  const results: (WriteResult | Postponed)[] = [];
  for (const command of commands) {
    if (reader.done) break;
    results.push(unpackResult(reader, command));
  }
  return results;
}

function unpackResult(reader: PackedReader, command: WriteCommand): WriteResult | Postponed {
  const code = reader.u8();
  const outcome = outcomes[code];
  if (outcome !== undefined) {
    const etag = reader.shortText();
    const ignored = unpackNames(reader);
    const wantUser = command.verb === "set-preferences" || (command.verb === "identify" && command.wantUser);
    const user = wantUser ? unpackUser(reader, command.id) : undefined;
    if (isDamaged(user)) return { refused: "damaged", part: user.damaged, applied: !isValidation(command) };
    return { outcome, etag, ignored, user };
  }
  if (code === status.tooMany) return { refused: "too-many-properties", count: reader.u32() };
  if (code === status.tooLarge) return { refused: "too-large", bytes: reader.u32() };
  if (code === status.damaged) return { refused: "damaged", part: unpackPart(reader), applied: false };
  const refused = refusals[code];
  if (refused === undefined) throw new Error(`the store answered with the unknown status ${code}`);
  return refused;
}

function isValidation(command: WriteCommand): boolean {
  return command.verb === "identify" && command.validateOnly;
}

const noNames: readonly string[] = [];

function unpackNames(reader: PackedReader): readonly string[] {
  const count = reader.u16();
  return count === 0 ? noNames : Array.from({ length: count }, () => reader.shortText());
}

export function packIds(ids: readonly UserId[]): Buffer<ArrayBuffer> {
  const writer = new PackedWriter(4 + ids.length * 40).u32(ids.length);
  for (const id of ids) writer.text(id);
  return writer.finish();
}

export function packRange(after: UserId | undefined, count: number): Buffer<ArrayBuffer> {
  return new PackedWriter()
    .text(after ?? "")
    .u32(count)
    .finish();
}

/** @throws Error if they are not users' ids */
export function unpackIds(packed: Uint8Array): UserId[] {
  const reader = new PackedReader(packed);
  return Array.from({ length: reader.u32() }, () => {
    const id = parseUserId(reader.textBytes());
    if (id instanceof Invalid) throw new Error("the store lists an id that is none");
    return id;
  });
}
