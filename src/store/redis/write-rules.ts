import { isMaintained } from "../../users/indexes/indexed-property.ts";
import type { StoreConfiguration } from "../../users/store-configuration.ts";
import { PackedWriter } from "../packed/buffer.ts";
import { type EditedIndexes, editedIndexes } from "../packed/indexed-edits.ts";

/** What scripts have to know of a configuration. */
interface WriteRules {
  /** For configuration.lua. */
  readonly packed: Buffer;
  /** Undefined if writes maintain none. */
  readonly indexes: EditedIndexes | undefined;
}

const noRules: WriteRules = { packed: Buffer.alloc(0), indexes: undefined };
const known = new WeakMap<StoreConfiguration, WriteRules>();

export function rulesOf(configuration: StoreConfiguration | undefined): WriteRules {
  if (configuration === undefined) return noRules;
  const { generation, seals } = configuration;
  if (generation === 0 && seals === undefined) return noRules;
  const before = known.get(configuration);
  if (before !== undefined) return before;
  const made = { packed: packRules(configuration), indexes: editedIndexes(configuration.indexes) };
  known.set(configuration, made);
  return made;
}

function packRules({ generation, seals, indexes }: StoreConfiguration): Buffer {
  const writer = new PackedWriter(64).u32(generation);
  // Without a feature there are no indexes.
  if (seals === undefined) return writer.finish();
  writer.u32(seals.since).u8(seals.complete ? 1 : 0);
  for (const { number, property } of indexes.filter(isMaintained).sort((a, b) => a.number - b.number)) {
    writer
      .u8(number >> 8)
      .u8(number & 0xff)
      .shortText(property);
  }
  return writer.finish();
}
