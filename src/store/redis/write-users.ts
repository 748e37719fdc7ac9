import { storeUnavailable, UserError } from "../../users/errors.ts";
import type { WriteCommand, WriteResult } from "../../users/store.ts";
import { maxFollowedChanges } from "../../users/store-configuration.ts";
import type { Postponed } from "../adapter.ts";
import { unpackResults } from "../packed/packed.ts";
import { runScript } from "./call-runner.ts";
import { bringUpToDate } from "./configuration/agreement.ts";
import { SlotMovingError, StaleConfigurationError } from "./failures.ts";
import { type MendedStore, mend } from "./mend.ts";
import { togetherOrAlone } from "./moving-slot.ts";
import { type PlacedCommand, writeCall } from "./write-call.ts";
import { rulesOf } from "./write-rules.ts";

type Result = WriteResult | Postponed;

/** Before the results, while a feature is on: how many broken seals were found, and values that are too long to be indexed. */
const countsBytes = 4;

/**
 * Writes users of one place, by as many scripts as it takes.
 *
 * @param groups the partitions whose listings and indexes the scripts may write; none for a single user whose slot is moving
 * @param again whether the commands may have been applied before
 */
export async function writeUsers(
  store: MendedStore,
  place: number,
  commands: readonly PlacedCommand[],
  groups: readonly number[],
  again: boolean,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  let repeated = again;
  // After a script has stopped early, the next ones get about as many commands as it executed.
  let most = commands.length;
  while (results.length < commands.length) {
    const rest = commands.slice(results.length);
    const some = await togetherOrAlone(
      rest,
      ({ command }) => command.id,
      async () => {
        const next = untilDeletedAgain(rest.slice(0, most));
        const answer = await sendCurrent(store, place, next, groups);
        repeated ||= answer.repeated;
        const sent = next.map(({ command }) => command);
        const answers = unpackResults(answer.bytes, sent);
        if (answers.length === 0) throw new Error("a script executed none of its commands");
        if (answers.length < sent.length) most = answers.length + 1;
        return repeated ? answers.map((result, index) => asRepeated(result, sent[index])) : answers;
      },
      async (share, maybeApplied) => {
        // A script that has one key cannot see the configuration.
        await bringUpToDate(store, share[0]?.partition ?? place);
        return writeUsers(store, place, share, [], repeated || maybeApplied);
      },
    );
    results.push(...some);
    if (groups.length === 0 && some.some(isPostponed)) {
      while (results.length < commands.length) results.push({ refused: "postponed" });
    }
  }
  return results;
}

interface SentAnswer {
  /** The packed results. */
  readonly bytes: Buffer;
  readonly repeated: boolean;
}

/** Runs the script, and again with the configuration that the store has by then. */
async function sendCurrent(
  store: MendedStore,
  place: number,
  commands: readonly PlacedCommand[],
  groups: readonly number[],
): Promise<SentAnswer> {
  const { servers, known, onBrokenSeals, onTooLong } = store;
  // The one whose configuration the script compares; without groups, the user's.
  const partition = groups[0] ?? commands[0]?.partition ?? place;
  let repeated = false;
  for (let changes = 0; ; changes++) {
    const current = known.of(partition);
    try {
      const answer = await runScript(servers, place, writeCall(store, commands, groups, current));
      repeated ||= answer.repeated;
      if (current.configuration?.seals === undefined) return { bytes: answer.bytes, repeated };
      const broken = answer.bytes.readUInt16LE();
      const tooLong = answer.bytes.readUInt16LE(2);
      if (tooLong > 0) onTooLong(tooLong);
      if (broken > 0) {
        if (rulesOf(current.configuration).indexes === undefined) onBrokenSeals(broken);
        // While a slot moves, what is broken was postponed.
        else if (groups.length > 0) await mendAll(store, commands);
      }
      return { bytes: answer.bytes.subarray(countsBytes), repeated };
    } catch (error) {
      if (error instanceof SlotMovingError && repeated) throw new SlotMovingError(true);
      // Full for this attempt, and an earlier one may have been applied.
      if (repeated && error instanceof UserError && error.reason === "STORE_FULL") throw storeUnavailable(error);
      if (!(error instanceof StaleConfigurationError)) throw error;
      if (changes === maxFollowedChanges) throw storeUnavailable(error);
      repeated ||= error.repeated;
    }
    await bringUpToDate(store, partition);
  }
}

async function mendAll(store: MendedStore, commands: readonly PlacedCommand[]): Promise<void> {
  for (const [partition, share] of Map.groupBy(commands, (command) => command.partition)) {
    await mend(store, partition, [...new Set(share.map(({ command }) => command.id))]);
  }
}

/**
 * The result of a command that an earlier attempt may have applied. The script recognises that by the user's etag, or by the
 * tombstone of a deletion. But if another caller has written since, the etag is gone, and a refusal says nothing about the
 * earlier attempt.
 */
function asRepeated(result: Result, command: WriteCommand | undefined): Result {
  if (command === undefined || command.verb === "delete" || !("refused" in result)) return result;
  const conditional = command.precondition !== undefined || command.verb === "set-preferences";
  const conditions = ["not-found", "already-exists", "etag-mismatch", "postponed"];
  return result.refused === "store-full" || (conditional && conditions.includes(result.refused))
    ? { refused: "uncertain" }
    : result;
}

/**
 * The first commands, up to the deletion of a user that an earlier one writes. If both were sent again after both were
 * applied, the first would create the user again, and the tombstone would say that the deletion is done.
 */
function untilDeletedAgain(commands: readonly PlacedCommand[]): readonly PlacedCommand[] {
  const written = new Set<string>();
  const deletion = commands.findIndex(({ command: { verb, id } }) => {
    if (verb === "delete" && written.has(id)) return true;
    written.add(id);
    return false;
  });
  return deletion < 0 ? commands : commands.slice(0, deletion);
}

function isPostponed(result: Result): boolean {
  return "refused" in result && result.refused === "postponed";
}
