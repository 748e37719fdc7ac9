/** Commands for a store, as the registry would make them. */
import type { JsonObject } from "@bufbuild/protobuf";
import { expect } from "vitest";
import { type DamagedUser, isDamaged } from "../../src/users/damaged.ts";
import { createEtagSource } from "../../src/users/etag.ts";
import { allValid } from "../../src/users/parsed.ts";
import { sortedNames } from "../../src/users/property-names.ts";
import type {
  Applied,
  DeleteCommand,
  IdentifyCommand,
  SetPreferencesCommand,
  StoredUser,
  WriteResult,
} from "../../src/users/store.ts";
import { combineEdits } from "../../src/users/struct/edits.ts";
import { parseUserId, type UserId } from "../../src/users/user-id.ts";
import { canonical } from "./struct.ts";

export const drawEtag = createEtagSource();

export function userId(text: string): UserId {
  const [id] = allValid(parseUserId(Buffer.from(text)));
  return id;
}

/** An Identify that sets properties. */
export function command(id: string, properties: JsonObject, more: Partial<IdentifyCommand> = {}): IdentifyCommand {
  return {
    verb: "identify",
    id: userId(id),
    edits: canonical(properties),
    onlySets: true,
    observedAt: undefined,
    precondition: undefined,
    canCreate: true,
    validateOnly: false,
    etag: drawEtag(),
    wantUser: true,
    hidesOutcome: false,
    ...more,
  };
}

/** An Identify that sets, sets once and unsets. */
export function edit(
  id: string,
  { set = {}, setOnce = {}, unset = [] }: { set?: JsonObject; setOnce?: JsonObject; unset?: string[] },
  more: Partial<IdentifyCommand> = {},
): IdentifyCommand {
  const names = sortedNames(unset.map((name) => Buffer.from(name)));
  const [edits] = allValid(combineEdits(canonical(set), canonical(setOnce), names));
  return command(id, {}, { edits, onlySets: false, ...more });
}

export function setPreferences(
  id: string,
  preferences: JsonObject,
  more: Partial<SetPreferencesCommand> = {},
): SetPreferencesCommand {
  return {
    verb: "set-preferences",
    id: userId(id),
    preferences: canonical(preferences),
    merge: false,
    precondition: undefined,
    etag: drawEtag(),
    hidesOutcome: false,
    ...more,
  };
}

export function deletion(id: string, more: Partial<DeleteCommand> = {}): DeleteCommand {
  return { verb: "delete", id: userId(id), precondition: undefined, allowMissing: false, etag: drawEtag(), ...more };
}

/** The result of a command that was not refused. */
export function applied(result: WriteResult | undefined): Applied {
  if (result === undefined || "refused" in result) expect.fail(`refused: ${JSON.stringify(result)}`);
  return result;
}

/** A user that was found and can be read, or none. */
export function readable(user: StoredUser | DamagedUser | undefined): StoredUser | undefined {
  if (isDamaged(user)) expect.fail(`damaged: ${user.damaged}`);
  return user;
}
