/** Applies one packed command to the table of users, as `../redis/scripts/write.lua` does in Redis. */
import type { DamagedPart } from "../../users/damaged.ts";
import { limits } from "../../users/limits.ts";
import { preferencesLimits } from "../../users/struct/format.ts";
import { applyEdits, mostBytes } from "../../users/struct/merge.ts";
import { packMarks, readMarks } from "../../users/struct/observed.ts";
import { isCanonical } from "../../users/struct/scan.ts";
import type { PackedWriter } from "../packed/buffer.ts";
import { flags, type PackedCommand, status, verbs } from "../packed/packed.ts";
import { codeOfPart, found } from "../packed/users.ts";
import type { DamagedRow, UserFields, UserRow, UserTable } from "./user-table.ts";

const maxAheadMicros = limits.maxObservedAheadSeconds * 1_000_000;
const nothing = new Uint8Array();
const noUser: UserFields = {
  createdAt: 0,
  updatedAt: 0,
  etag: "",
  properties: nothing,
  preferences: nothing,
  observed: nothing,
};

/**
 * @param results to which the result is appended
 * @param now microseconds since 1970
 */
export function applyCommand(table: UserTable, command: PackedCommand, results: PackedWriter, now: number): void {
  const row = has(command, flags.validateOnly) ? table.find(command.id) : table.findToWrite(command.id);
  const again = row?.etag === command.etag;
  const refusal = again ? undefined : refusalOf(command, row, now);
  if (row === undefined && has(command, flags.allowMissing)) answer(results, command, status.unchanged, noUser);
  else if (refusal !== undefined) results.u8(refusal);
  else if (command.verb === verbs.delete && row !== undefined && canDelete(command, row)) {
    table.delete(command.id, row);
    answer(results, command, status.deleted, noUser);
  } else if (row !== undefined && "damaged" in row) refuseDamaged(results, row.damaged);
  else if (isIdentify(command)) identify(table, command, row, results, now);
  else if (row === undefined) throw new Error("a command needs a user that is not there");
  else setPreferences(table, command, row, results, now);
}

/** A damaged etag cannot be compared with the wanted one. */
function canDelete({ wantedEtag }: PackedCommand, row: UserRow | DamagedRow): boolean {
  return wantedEtag === undefined || row.etag !== undefined;
}

/** Checks what can be checked before the edits. */
function refusalOf(command: PackedCommand, row: UserRow | DamagedRow | undefined, now: number): number | undefined {
  if (command.observedAt !== undefined && command.observedAt > now + maxAheadMicros) return status.observedAhead;
  if (row !== undefined) {
    if (has(command, flags.ifMissing)) return status.alreadyExists;
    const { wantedEtag } = command;
    const otherEtag = wantedEtag !== undefined && row.etag !== undefined && wantedEtag !== row.etag;
    return otherEtag ? status.etagMismatch : undefined;
  }
  if (!isIdentify(command) || has(command, flags.ifExists | flags.ifEtag)) return status.notFound;
  return has(command, flags.canCreate) ? undefined : status.requiredMissing;
}

function isIdentify({ verb }: PackedCommand): boolean {
  return verb === verbs.identify || verb === verbs.setProperties;
}

function identify(
  table: UserTable,
  command: PackedCommand,
  row: UserRow | undefined,
  results: PackedWriter,
  now: number,
): PackedWriter {
  const stored = row ?? noUser;
  const again = stored.etag === command.etag;
  const { observedAt } = command;
  const onlySets = command.verb === verbs.setProperties && observedAt === undefined && !again;
  if (onlySets && Buffer.compare(stored.properties, command.body) === 0 && row !== undefined && noMarks(stored)) {
    if (command.hidesOutcome) table.rewrite(command.id, row);
    return answer(results, command, status.unchanged, stored);
  }
  if (!isCanonical(stored.properties)) return refuseDamaged(results, "properties");
  const marks = readMarks(stored.observed);
  if (marks === undefined) return refuseDamaged(results, "observed");
  if (has(command, flags.wantUser) && !isCanonical(stored.preferences, preferencesLimits)) {
    return refuseDamaged(results, "preferences");
  }
  const merged = applyEdits(stored.properties, command.body, marks, { observedAt, now, again });
  const { ignored } = merged;
  if (again) {
    const outcome = stored.createdAt === stored.updatedAt ? status.created : status.updated;
    return answer(results, command, outcome, stored, ignored);
  }
  const properties = merged.properties ?? stored.properties;
  const hidesWinners = command.hidesOutcome && observedAt !== undefined;
  if (merged.properties !== undefined || merged.marked || hidesWinners) {
    // The count includes tombstones, whichever edits win.
    if (merged.count > limits.maxProperties) return results.u8(status.tooMany).u32(merged.count);
    const bytes = hidesWinners ? mostBytes(stored.properties, command.body) : properties.length;
    if (bytes > limits.maxPropertiesBytes) return results.u8(status.tooLarge).u32(bytes);
  }
  const outcome =
    row === undefined ? status.created : merged.properties === undefined ? status.unchanged : status.updated;
  if (has(command, flags.validateOnly)) return answer(results, command, outcome, { ...stored, properties }, ignored);
  const observed = merged.marked ? packMarks(marks) : stored.observed;
  const { etag } = command;
  if (row === undefined) {
    const created = { ...stored, createdAt: now, updatedAt: now, etag, properties, observed };
    table.insert(command.id, created);
    return answer(results, command, outcome, created, ignored);
  }
  if (outcome === status.updated) {
    const changed = { ...row, updatedAt: later(row, now), etag, properties, observed };
    table.update(command.id, changed, row.properties);
    return answer(results, command, outcome, changed, ignored);
  }
  if (merged.marked) table.update(command.id, { ...row, observed }, row.properties);
  else if (command.hidesOutcome) table.rewrite(command.id, row);
  return answer(results, command, outcome, row, ignored);
}

function setPreferences(
  table: UserTable,
  command: PackedCommand,
  row: UserRow,
  results: PackedWriter,
  now: number,
): PackedWriter {
  if (row.etag === command.etag) return answer(results, command, status.updated, row);
  if (!isCanonical(row.properties)) return refuseDamaged(results, "properties");
  if (!isCanonical(row.preferences, preferencesLimits)) return refuseDamaged(results, "preferences");
  const { body, etag } = command;
  let preferences: Uint8Array = body;
  if (command.verb === verbs.mergePreferences) {
    preferences = applyEdits(row.preferences, body, new Map(), { now }).properties ?? row.preferences;
  }
  if (preferences.length > limits.maxPreferencesBytes) return results.u8(status.tooLarge).u32(preferences.length);
  if (Buffer.compare(preferences, row.preferences) === 0) {
    if (command.hidesOutcome) table.rewrite(command.id, row);
    return answer(results, command, status.unchanged, row);
  }
  const changed = { ...row, updatedAt: later(row, now), etag, preferences };
  table.update(command.id, changed, row.properties);
  return answer(results, command, status.updated, changed);
}

/** Only before anything is written. */
function refuseDamaged(results: PackedWriter, part: DamagedPart): PackedWriter {
  return results.u8(status.damaged).u8(codeOfPart(part));
}

function noMarks({ observed }: UserFields): boolean {
  return observed.length === 0;
}

function later({ updatedAt }: UserRow, now: number): number {
  return Math.max(now, updatedAt + 1);
}

function has(command: PackedCommand, flag: number): boolean {
  return (command.flags & flag) !== 0;
}

function answer(
  results: PackedWriter,
  command: PackedCommand,
  outcome: number,
  user: UserFields,
  ignored: readonly Uint8Array[] = [],
): PackedWriter {
  results.u8(outcome).shortText(user.etag).u16(ignored.length);
  for (const name of ignored) results.shortBytes(name);
  return has(command, flags.wantUser) ? writeUser(results, user) : results;
}

export function writeUser(writer: PackedWriter, user: UserFields): PackedWriter {
  const { createdAt, updatedAt, etag, properties, preferences } = user;
  return writer.u8(found.user).u64(createdAt).u64(updatedAt).shortText(etag).bytes(properties).bytes(preferences);
}
