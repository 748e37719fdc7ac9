import { limits } from "../../users/limits.ts";
import type { WriteCommand } from "../../users/store.ts";
import type { StoreConfiguration } from "../../users/store-configuration.ts";
import type { Stamped } from "../configuration.ts";
import { PackedWriter } from "../packed/buffer.ts";
import { packCommands } from "../packed/packed.ts";
import { type Keys, partitionOf } from "./keys.ts";
import { loadScript, onDemand, type ScriptCall } from "./script.ts";
import { maxScriptWork } from "./script-limits.ts";

export const writeScript = loadScript(
  "listing-failure",
  "configuration",
  "codes",
  "record",
  "merge-sets",
  "write-call",
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
 * @param groups the partitions whose indexes the script may write; the script compares `known` with the first one's configuration
 */
export function writeCall(
  keys: Keys,
  commands: readonly PlacedCommand[],
  groups: readonly number[],
  known: Stamped,
): ScriptCall {
  const groupOf = (index: number) => groups.indexOf(commands[index]?.partition ?? -1) + 1;
  const packed = packCommands(
    commands.map(({ command }) => command),
    { groups: groups.length, groupOf },
  );
  const deletes = commands.some(({ command }) => command.verb === "delete");
  return {
    script: writeScript,
    keys: [
      ...groups.slice(0, 1).map(keys.configuration),
      ...groups.map(keys.ids),
      ...(deletes ? groups.map(keys.tombstones) : []),
      ...commands.map(({ command, partition }) => keys.userIn(partition, command.id)),
    ],
    args: [known.stamp, packSealing(known.configuration), packed, ...writeLimits, keys.bytesBeforeId],
    writes: true,
  };
}

const generation0 = Buffer.alloc(0);
const sealings = new WeakMap<StoreConfiguration, Buffer>();

/** What configuration.lua has to know of seals. */
export function packSealing(configuration: StoreConfiguration | undefined): Buffer {
  if (configuration === undefined) return generation0;
  const { generation, seals } = configuration;
  if (generation === 0 && seals === undefined) return generation0;
  const known = sealings.get(configuration);
  if (known !== undefined) return known;
  const writer = new PackedWriter(9).u32(generation);
  if (seals !== undefined) writer.u32(seals.since).u8(seals.complete ? 1 : 0);
  const packed = writer.finish();
  sealings.set(configuration, packed);
  return packed;
}
