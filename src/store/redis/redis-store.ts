import type { WriteCommand, WriteResult } from "../../users/store.ts";
import type { UserId } from "../../users/user-id.ts";
import type { Postponed, StoreAdapter } from "../adapter.ts";
import { unpackIds, unpackResults } from "../packed/packed.ts";
import { type FoundUser, readAll, unpackFound } from "../packed/users.ts";
import { createCheck } from "./check.ts";
import { openCluster } from "./cluster-servers.ts";
import type { RedisAccess } from "./connection.ts";
import { SlotMovingError } from "./failures.ts";
import { createKeys, partitionCount, partitionOf } from "./keys.ts";
import { loadScript } from "./script.ts";
import { maxScriptWork } from "./script-limits.ts";
import { runScript } from "./script-runner.ts";
import type { Servers } from "./servers.ts";
import { openSingleServer } from "./single-server.ts";
import { findWarnings } from "./warnings.ts";
import { type PlacedCommand, placed, writeCall, writeScript } from "./write-call.ts";

/** A user takes about a hundredth of a millisecond of a script, and while one runs nothing else does. */
const maxCallUsers = 128;
/** About what a script works through before it stops: it looks at what is stored too. */
const maxCallBytes = maxScriptWork / 3;
/** How many calls one server has before it, so that it need not wait for the next. */
const singleServerLanes = 4;

export interface RedisStoreOptions extends RedisAccess {
  /** What every key begins with. */
  readonly keyPrefix: string;
  /** How many replicas have what an answer to a command says. */
  readonly waitReplicas: number;
}

/** The servers that a store is on. Connections are made at once and made again whenever they break. */
export function openServers(options: RedisStoreOptions): Servers {
  const open = options.location.topology === "cluster" ? openCluster : openSingleServer;
  return open(options, options.waitReplicas);
}

/**
 * Users kept in Redis, as hashes; see keys.ts. What it answers has been executed by the server that is the primary of
 * the user's partition, and is there in as many replicas as asked for. Connections are made at once and made again
 * whenever they break; until then calls wait a moment and then reject with STORE_UNAVAILABLE.
 */
export function openRedisStore(options: RedisStoreOptions): StoreAdapter {
  const keys = createKeys(options.keyPrefix);
  // Before a connection is made, which a script that is missing would leave open.
  const scripts = {
    get: loadScript("record", "get"),
    list: loadScript("listing-failure", "ids", "list"),
  };
  const servers = openServers(options);
  /** Users that one script may touch, by the partition that says where it runs. */
  const placeOf = servers.partitioned ? partitionOf : () => 0;

  type Results = (WriteResult | Postponed)[];

  /**
   * Writes in one script, or in a few where the users are large.
   *
   * @param groups the partitions whose indexes the script may write to; none where the slot is on the move
   * @param mayHaveBeenApplied whether the commands may have been applied before, by an attempt whose answer was lost
   */
  async function writeAt(
    place: number,
    commands: readonly PlacedCommand[],
    groups: readonly number[],
    mayHaveBeenApplied = false,
  ): Promise<Results> {
    const results: Results = [];
    const postponed = new Set<UserId>();
    let again = mayHaveBeenApplied;
    // After a script has stopped early, the next ones get about as much as that one has done.
    let most = commands.length;
    while (results.length < commands.length) {
      const next = commands.slice(results.length, results.length + most);
      const rest = untilDeletedAgain(upToPostponed(next, postponed));
      if (rest.length === 0) {
        results.push({ refused: "postponed" });
        continue;
      }
      try {
        const { bytes, repeated } = await runScript(servers, place, writeCall(keys, rest, groups));
        again ||= repeated;
        const sent = rest.map(({ command }) => command);
        const some = unpackResults(bytes, sent);
        if (some.length === 0) throw new Error("a script executed none of its commands");
        if (some.length < rest.length) most = some.length + 1;
        results.push(...(again ? some.map((result, index) => asRepeated(result, sent[index])) : some));
      } catch (error) {
        if (!(error instanceof SlotMovingError)) throw error;
        // By one key a user can be found wherever it is; to be created or deleted, it needs its index too.
        const repeated = again || error.repeated;
        const some = await inShares(
          rest,
          ({ command }) => command.id,
          (share) => writeAt(place, share, [], repeated),
        );
        results.push(...some);
        for (const [index, result] of some.entries()) {
          const { id } = rest[index]?.command ?? {};
          if (isPostponed(result) && id !== undefined) postponed.add(id);
        }
      }
      if (groups.length === 0 && results.some(isPostponed)) {
        while (results.length < commands.length) results.push({ refused: "postponed" });
      }
    }
    return results;
  }

  async function getAt(place: number, ids: readonly UserId[]): Promise<FoundUser[]> {
    const call = { script: scripts.get, keys: ids.map(keys.user), args: [maxScriptWork], writes: false };
    try {
      return unpackFound((await runScript(servers, place, call)).bytes, ids);
    } catch (error) {
      if (!(error instanceof SlotMovingError)) throw error;
      return inShares(
        ids,
        (id) => id,
        (share) => readAll(share, (some) => getAt(place, some)),
      );
    }
  }

  async function listAt(place: number, partitions: readonly number[], after: string, count: number): Promise<UserId[]> {
    const call = { script: scripts.list, keys: partitions.map(keys.ids), args: [after, count], writes: false };
    return unpackIds((await runScript(servers, place, call)).bytes);
  }

  return {
    shape: servers.partitioned
      ? { lanes: partitionCount, laneOf: partitionOf, mixed: false, maxUsers: maxCallUsers, maxBytes: maxCallBytes }
      : {
          lanes: singleServerLanes,
          laneOf: (id) => partitionOf(id) % singleServerLanes,
          mixed: true,
          maxUsers: maxCallUsers,
          maxBytes: maxCallBytes,
        },
    write: (commands, again = false) =>
      inShares(
        commands.map(placed),
        ({ partition }) => (servers.partitioned ? partition : 0),
        (share, place) => writeAt(place, share, [...new Set(share.map(({ partition }) => partition))], again),
      ),
    get: (ids) => inShares(ids, placeOf, (share, place) => readAll(share, (some) => getAt(place, some))),
    async list(after, count) {
      const first = after === undefined ? 0 : partitionOf(after);
      const partitions = Array.from({ length: partitionCount - first }, (_, index) => first + index);
      if (!servers.partitioned) return listAt(0, partitions, after ?? "", count);
      const ids: UserId[] = [];
      // Most pages lie in one partition; where many are empty, ever more of them are asked at once.
      for (let block = 1; partitions.length > 0 && ids.length < count; block *= 2) {
        const asked = partitions.splice(0, block);
        const missing = count - ids.length;
        const listed = await Promise.all(
          asked.map((partition) => listAt(partition, [partition], partition === first ? (after ?? "") : "", missing)),
        );
        ids.push(...listed.flat().slice(0, missing));
      }
      return ids;
    },
    check: createCheck({ ...options, servers, keys, scripts: [...Object.values(scripts), writeScript] }),
    warnings: () => findWarnings(servers, options.waitReplicas),
    async close() {
      servers.close();
    },
  };
}

/**
 * Does the shares of a list that belong together side by side, each of them in order. Rejects once all are done, if any
 * failed: so nothing is under way any more that what comes next could overtake.
 */
async function inShares<Item, Key, Result>(
  items: readonly Item[],
  keyOf: (item: Item) => Key,
  work: (share: readonly Item[], key: Key) => Promise<readonly Result[]>,
): Promise<Result[]> {
  const [first] = items;
  if (first === undefined) return [];
  const firstKey = keyOf(first);
  if (items.every((item) => keyOf(item) === firstKey)) return [...(await work(items, firstKey))];
  const shares = new Map<Key, number[]>();
  for (const [index, item] of items.entries()) {
    const key = keyOf(item);
    const share = shares.get(key);
    if (share === undefined) shares.set(key, [index]);
    else share.push(index);
  }
  const results = new Array<Result>(items.length);
  const done = await Promise.allSettled(
    [...shares].map(async ([key, indices]) => {
      const answers = await work(
        indices.map((index) => items[index] as Item),
        key,
      );
      if (answers.length !== indices.length) throw new Error("a share was not answered a result for each item");
      for (const [at, index] of indices.entries()) results[index] = answers[at] as Result;
    }),
  );
  for (const outcome of done) if (outcome.status === "rejected") throw outcome.reason;
  return results;
}

/**
 * The result of a command that may have been applied by an earlier attempt. If nobody has written since, the script
 * recognises that, and a deletion for a while whoever has; else it holds the command against what another has written
 * over it, and a refusal says nothing about the attempt before.
 */
function asRepeated<Result extends WriteResult | Postponed>(
  result: Result,
  command: WriteCommand | undefined,
): Result | { refused: "uncertain" } {
  if (command === undefined || command.verb === "delete" || !("refused" in result)) return result;
  const conditional = command.precondition !== undefined || command.verb === "set-preferences";
  const conditions = ["not-found", "already-exists", "etag-mismatch", "postponed"];
  return result.refused === "store-full" || (conditional && conditions.includes(result.refused))
    ? { refused: "uncertain" }
    : result;
}

/**
 * The first commands, up to the deletion of a user that one of them writes: were both sent again after both have been
 * applied, the first would create the user anew, and the deletion has been done.
 */
function untilDeletedAgain(commands: readonly PlacedCommand[]): readonly PlacedCommand[] {
  const deletion = commands.findIndex(
    ({ command: { verb, id } }, index) =>
      verb === "delete" && commands.findIndex(({ command }) => command.id === id) < index,
  );
  return deletion < 0 ? commands : commands.slice(0, deletion);
}

/** The first commands, up to one for a user of whom an earlier command has been postponed. */
function upToPostponed(commands: readonly PlacedCommand[], postponed: ReadonlySet<UserId>): readonly PlacedCommand[] {
  if (postponed.size === 0) return commands;
  const first = commands.findIndex(({ command }) => postponed.has(command.id));
  return first < 0 ? commands : commands.slice(0, first);
}

function isPostponed(result: WriteResult | Postponed): result is Postponed {
  return "refused" in result && result.refused === "postponed";
}
