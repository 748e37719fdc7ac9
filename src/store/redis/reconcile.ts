/** Brings the seals and the entries in indexes of users in line with the store's configuration. */
import { isDamaged } from "../../users/damaged.ts";
import { indexedValues } from "../../users/indexes/entries.ts";
import type { Index } from "../../users/indexes/indexed-property.ts";
import type { UserId } from "../../users/user-id.ts";
import type { Present } from "../configuration.ts";
import { PackedReader, PackedWriter } from "../packed/buffer.ts";
import { packEntries } from "../packed/indexed-edits.ts";
import { type FoundRecord, readAll } from "../packed/users.ts";
import type { SealStep } from "../seal-walk.ts";
import { runScript } from "./call-runner.ts";
import { entryHome } from "./entry-homes.ts";
import type { Keys } from "./keys.ts";
import { loadScript } from "./script.ts";
import type { Servers } from "./servers/servers.ts";
import { rulesOf } from "./write-rules.ts";

export const reconcileScript = loadScript(
  "deadline",
  "wrong-type",
  "configuration",
  "seals",
  "indexes",
  "permit",
  "entry-starts",
  "user-entries",
  "sweep-users",
);

/** How often users are read again that others change meanwhile. */
const maxRounds = 10;
const kinds = { nothing: 0, user: 1, damaged: 2 } as const;

export interface ReconciledStore {
  readonly servers: Servers;
  readonly keys: Keys;
  /** Reads what the entries of users of a partition follow from. It answers the first of them, at least one. */
  readonly readIndexed: (partition: number, ids: readonly UserId[]) => Promise<readonly FoundRecord[]>;
}

/** The step of a walk that is made with the users. */
export interface WalkStep {
  readonly name: string;
  /** The name of the walk that the partition is in, a space, and the last id that it has seen. */
  readonly state: string;
  /** The last id that it will have seen. */
  readonly after: string;
  /** Milliseconds since 1970, if the walk ends with this step. */
  readonly doneAt: number | undefined;
}

export interface Reconciled {
  /** Whether the step was made. If not, another server has made it, or users changed again and again. */
  readonly isMade: boolean;
  /** How many broken seals were found and mended. */
  readonly broken: number;
  /** How many values are too long for an index that is being built. */
  readonly tooLong: number;
}

/** A user, and what was read of it, if it was. */
interface Known {
  readonly id: UserId;
  readonly found: FoundRecord;
}

/**
 * @param found what was read of the first users; the rest is read if need be
 * @param step undefined for users that belong to no walk
 * @throws UserError STORE_UNAVAILABLE; StaleConfigurationError; SlotMovingError
 */
export async function reconcile(
  { servers, keys, readIndexed }: ReconciledStore,
  partition: number,
  { stamp, configuration }: Present,
  { work, ids, found = [] }: { work: SealStep["work"]; ids: readonly UserId[]; found?: readonly FoundRecord[] },
  step?: WalkStep,
): Promise<Reconciled> {
  const { packed: rules } = rulesOf(configuration);
  let users: readonly Known[] = ids.map((id, at) => ({ id, found: found[at] }));
  let [broken, tooLong] = [0, 0];
  for (let round = 0; round < maxRounds; round++) {
    const known = packKnown(users, configuration.indexes);
    const { bytes } = await runScript(servers, partition, {
      script: reconcileScript,
      keys: [
        ...[keys.configuration(partition), keys.sweep(partition), keys.entries(entryHome(servers, partition))],
        ...users.map(({ id }) => keys.userIn(partition, id)),
      ],
      args: [
        ...[stamp, rules, work, known.packed, keys.bytesBeforeId],
        ...[step?.name ?? "", step?.state ?? "", step?.after ?? "", step?.doneAt ?? ""],
      ],
      writes: true,
    });
    const reader = new PackedReader(bytes);
    const isMade = reader.u8() === 1;
    broken += reader.u32();
    const positions = new Set<number>();
    while (!reader.done) positions.add(reader.u16());
    // Nothing is made of a step that another server has made.
    if (isMade || positions.size > 0) {
      for (const [at, count] of known.tooLong) if (!positions.has(at)) tooLong += count;
    }
    if (positions.size === 0) return { isMade, broken, tooLong };
    const unread = users.filter((_, at) => positions.has(at)).map(({ id }) => id);
    const readNow = await readAll(unread, (some) => readIndexed(partition, some));
    users = unread.map((id, at) => ({ id, found: readNow[at] }));
  }
  return { isMade: false, broken, tooLong };
}

interface PackedUsers {
  readonly packed: Buffer;
  /** By the position of a user: how many values are too long for an index that is being built, if there are any. */
  readonly tooLong: ReadonlyMap<number, number>;
}

function packKnown(users: readonly Known[], indexes: readonly Index[]): PackedUsers {
  const writer = new PackedWriter();
  const tooLong = new Map<number, number>();
  for (const [at, { found }] of users.entries()) {
    if (found === undefined) writer.u8(kinds.nothing);
    else if (isDamaged(found)) writer.u8(kinds.damaged);
    else {
      writer.u8(kinds.user).shortBytes(found.etag);
      const values = indexedValues(indexes, found.properties, ({ state }) => {
        if (state === "building") tooLong.set(at, (tooLong.get(at) ?? 0) + 1);
      });
      packEntries(writer, values);
    }
  }
  return { packed: writer.finish(), tooLong };
}
