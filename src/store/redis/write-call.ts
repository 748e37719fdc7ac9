import { limits } from "../../users/limits.ts";
import type { WriteCommand } from "../../users/store.ts";
import type { Stamped } from "../configuration.ts";
import { packCommands } from "../packed/packed.ts";
import { entryHome } from "./entry-homes.ts";
import { type Keys, partitionOf } from "./keys.ts";
import { loadScript, onDemand, onDemandIf, type ScriptCall } from "./script.ts";
import { maxScriptWork } from "./script-limits.ts";
import type { Servers } from "./servers/servers.ts";
import { rulesOf } from "./write-rules.ts";

export const writeScript = loadScript(
  "deadline",
  "wrong-type",
  "configuration",
  "codes",
  "record",
  "merge-sets",
  "indexes",
  "permit",
  "write-call",
  onDemandIf("isIndexing", "makeIndexing", "entry-starts", "user-entries", "write-entries"),
  "set-properties",
  onDemand("general", "codes", "seals", "merge", "write-user", "write-verbs", "apply"),
  "write",
);

/** How long tombstones of deletions count: longer than a command may wait and be retried. */
export const tombstoneMicros = 120_000_000;

const writeLimits = [
  limits.maxProperties,
  limits.maxPropertiesBytes,
  limits.maxPreferencesBytes,
  limits.maxObservedAheadSeconds * 1_000_000,
  tombstoneMicros,
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
 * @param groups the partitions whose listings and indexes the script may write; the script compares `known` with the first one's
 * configuration
 */
export function writeCall(
  { servers, keys }: { readonly servers: Pick<Servers, "partitioned">; readonly keys: Keys },
  commands: readonly PlacedCommand[],
  groups: readonly number[],
  known: Stamped,
): ScriptCall {
  const { packed: rules, indexes } = rulesOf(known.configuration);
  const groupOf = (index: number) => groups.indexOf(commands[index]?.partition ?? -1) + 1;
  const packed = packCommands(
    commands.map(({ command }) => command),
    { groups: groups.length, groupOf, indexes },
  );
  const homes = groups.map((partition) => entryHome(servers, partition));
  const deletes = commands.some(({ command }) => command.verb === "delete");
  return {
    script: writeScript,
    keys: [
      ...groups.slice(0, 1).map(keys.configuration),
      ...groups.map(keys.ids),
      ...(indexes === undefined ? [] : homes.map(keys.entries)),
      ...(deletes ? groups.map(keys.tombstones) : []),
      ...(deletes && indexes !== undefined ? homes.map(keys.sweep) : []),
      ...commands.map(({ command, partition }) => keys.userIn(partition, command.id)),
    ],
    args: [known.stamp, rules, packed, ...writeLimits, keys.bytesBeforeId],
    writes: true,
  };
}
