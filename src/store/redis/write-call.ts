import { limits } from "../../users/limits.ts";
import type { WriteCommand } from "../../users/store.ts";
import { packCommands } from "../packed/packed.ts";
import { type Keys, partitionOf } from "./keys.ts";
import { loadScript, type ScriptCall } from "./script.ts";
import { maxScriptWork } from "./script-limits.ts";

export const writeScript = loadScript("listing-failure", "record", "merge", "write-user", "write-verbs", "write");

/** How long tombstones of deletions are kept: longer than a command may wait and be retried. */
const tombstoneMs = 120_000;

const writeLimits = [
  limits.maxProperties,
  limits.maxPropertiesBytes,
  limits.maxPreferencesBytes,
  limits.maxObservedAheadSeconds * 1_000_000,
  tombstoneMs,
  maxScriptWork,
];

/** A command and the partition of its user. */
export interface PlacedCommand {
  readonly command: WriteCommand;
  readonly partition: number;
}

export function placed(command: WriteCommand): PlacedCommand {
  return { command, partition: partitionOf(command.id) };
}

/**
 * A call of write.lua.
 *
 * @param groups the partitions whose indexes the script may write
 */
export function writeCall(keys: Keys, commands: readonly PlacedCommand[], groups: readonly number[]): ScriptCall {
  const groupOf = (index: number) => groups.indexOf(commands[index]?.partition ?? -1) + 1;
  const packed = packCommands(
    commands.map(({ command }) => command),
    { groups: groups.length, groupOf },
  );
  const deletions = groups.length === 0 ? [] : commands.filter(({ command }) => command.verb === "delete");
  return {
    script: writeScript,
    keys: [
      ...groups.map(keys.ids),
      ...commands.map(({ command, partition }) => keys.userIn(partition, command.id)),
      ...deletions.map(({ command }) => keys.tombstone(command.id, command.etag)),
    ],
    args: [packed, ...writeLimits, keys.bytesBeforeId],
    writes: true,
  };
}
