import type { FoundUser } from "../../users/store.ts";
import type { UserId } from "../../users/user-id.ts";
import type { StoreAdapter } from "../adapter.ts";
import { asSearched, parseToServe } from "../folding.ts";
import { valuesTooLongCounter } from "../index-metrics.ts";
import { unpackIds } from "../packed/packed.ts";
import { readAll, unpackFound, unpackIndexed } from "../packed/users.ts";
import { brokenSealsCounter } from "../seal.ts";
import { runScript } from "./call-runner.ts";
import { createCheck } from "./check.ts";
import { agreedOn, setConfigurationScript } from "./configuration/agreement.ts";
import { createFollower } from "./configuration/follower.ts";
import { KnownConfigurations } from "./configuration/known-configurations.ts";
import { listScript } from "./configuration/may-have-users.ts";
import { areElsewhere } from "./entry-homes.ts";
import { createIndexReads, indexReadScripts } from "./index-reads.ts";
import { createKeys, everyPartition, partitionCount, partitionOf } from "./keys.ts";
import { togetherOrAlone } from "./moving-slot.ts";
import { readUser } from "./read-user.ts";
import { loadScript } from "./script.ts";
import { maxScriptWork } from "./script-limits.ts";
import type { RedisAccess } from "./servers/access.ts";
import { openCluster } from "./servers/cluster-servers.ts";
import type { Servers } from "./servers/servers.ts";
import { openSingleServer } from "./servers/single-server.ts";
import { createSweep, sweepScripts } from "./sweep.ts";
import { findWarnings } from "./warnings.ts";
import { placed, writeScript } from "./write-call.ts";
import { writeUsers } from "./write-users.ts";

/** A user takes about 10 µs of a script, and a script blocks the server. */
const maxCallUsers = 128;
/** About as much as a script works through, since it also works on what is stored. */
const maxCallBytes = maxScriptWork / 3;
/** The calls queued for a single server, so that it need not wait for the next one. */
const singleServerLanes = 4;
/** The most searches in one call: a search for one value takes about 5 µs for each set that its script looks through. */
const maxSearches = 32;

export interface RedisStoreOptions extends RedisAccess {
  /** The prefix of every key. */
  readonly keyPrefix: string;
  /** How many replicas must have a write before it is answered. */
  readonly waitReplicas: number;
}

/** The servers of a store. Connections are made at once, and again whenever they break. */
export function openServers(options: RedisStoreOptions): Servers {
  const open = options.location.topology === "cluster" ? openCluster : openSingleServer;
  return open(options, options.waitReplicas);
}

/**
 * Keeps users in Redis as hashes; see keys.ts. An answer means that the primary of the user's partition has executed the
 * command, and that as many replicas as configured have it. Connections are made at once, and again whenever they break;
 * without a connection, calls wait a moment and then reject with STORE_UNAVAILABLE.
 */
export function openRedisStore(options: RedisStoreOptions): StoreAdapter {
  const keys = createKeys(options.keyPrefix);
  // Before connections are made, which would stay open if a script were missing.
  const scripts = { get: loadScript("codes", "record", "packed-user", "get"), list: listScript };
  const servers = openServers(options);
  const known = new KnownConfigurations(servers, keys, parseToServe);
  let brokenSeals = 0;
  const onBrokenSeals = (count: number) => {
    brokenSeals += count;
  };
  let valuesTooLong = 0;
  const onTooLong = (count: number) => {
    valuesTooLong += count;
  };
  /** The partition on whose server a call runs. In a cluster, all users of a call are of one lane, so of one partition. */
  const placeOf = (first: UserId | undefined) => (servers.partitioned && first !== undefined ? partitionOf(first) : 0);

  async function getAt(place: number, ids: readonly UserId[]): Promise<readonly FoundUser[]> {
    const [only] = ids;
    const read =
      only !== undefined && ids.length === 1 ? await readUser(servers, place, only, keys.user(only)) : undefined;
    return read === undefined ? readAt(place, ids, unpackFound) : [read];
  }

  /** Reads users as they are stored. @returns what `unpack` makes of the first of them, at least one */
  async function readAt<Found>(
    place: number,
    ids: readonly UserId[],
    unpack: (packed: Uint8Array, ids: readonly UserId[]) => Found[],
  ): Promise<readonly Found[]> {
    const call = { script: scripts.get, keys: ids.map(keys.user), args: [maxScriptWork], writes: false };
    return togetherOrAlone(
      ids,
      (id) => id,
      async () => unpack((await runScript(servers, place, call)).bytes, ids),
      (share) => readAll(share, (some) => readAt(place, some, unpack)),
    );
  }

  const readIndexed = (partition: number, ids: readonly UserId[]) => readAt(partition, ids, unpackIndexed);

  async function listAt(place: number, partitions: readonly number[], after: string, count: number): Promise<UserId[]> {
    const call = { script: scripts.list, keys: partitions.map(keys.ids), args: [after, count], writes: false };
    return unpackIds((await runScript(servers, place, call)).bytes);
  }

  async function list(after: UserId | undefined, count: number): Promise<UserId[]> {
    const first = after === undefined ? 0 : partitionOf(after);
    const partitions = everyPartition.slice(first);
    if (!servers.partitioned) return listAt(0, partitions, after ?? "", count);
    const ids: UserId[] = [];
    // Most pages lie in one partition. If many are empty, ever more of them are asked at once.
    for (let block = 1; partitions.length > 0 && ids.length < count; block *= 2) {
      const asked = partitions.splice(0, block);
      const missing = count - ids.length;
      const listed = await Promise.all(
        asked.map((partition) => listAt(partition, [partition], partition === first ? (after ?? "") : "", missing)),
      );
      ids.push(...listed.flat().slice(0, missing));
    }
    return ids;
  }

  const check = createCheck({
    ...options,
    servers,
    keys,
    scripts: [...Object.values(scripts), ...indexReadScripts, writeScript, setConfigurationScript, ...sweepScripts],
  });
  const follow = createFollower({ servers, keys, known });

  const configuration = () => {
    const agreed = agreedOn(known.all);
    if (agreed === undefined) return undefined;
    return asSearched(agreed.configuration, areElsewhere(servers, agreed.configuration));
  };
  const shared = { servers, keys, known, readIndexed, onBrokenSeals, onTooLong };
  const reads = createIndexReads({ servers, keys, known, configuration });
  const sweep = createSweep({
    ...shared,
    list: (partition, after, count) => listAt(partition, [partition], after, count),
    configuration: () => (known.knowsFeatures ? configuration() : undefined),
  });

  return {
    shape: {
      lanes: servers.partitioned ? partitionCount : singleServerLanes,
      laneOf: servers.partitioned ? partitionOf : (id) => partitionOf(id) % singleServerLanes,
      mixed: !servers.partitioned,
      maxUsers: maxCallUsers,
      maxBytes: maxCallBytes,
      maxSearches,
    },
    write(commands, again = false) {
      const place = placeOf(commands[0]?.id);
      const sent = commands.map(placed);
      const groups = [...new Set(sent.map(({ partition }) => partition))];
      return writeUsers(shared, place, sent, groups, again);
    },
    async get(ids) {
      known.requireKnownFeatures();
      return readAll(ids, (some) => getAt(placeOf(some[0]), some));
    },
    async list(after, count) {
      known.requireKnownFeatures();
      return list(after, count);
    },
    ...reads,
    async check() {
      // A primary that cannot serve keeps no server from learning of unknown features.
      const [checked, followed] = await Promise.allSettled([check(), follow()]);
      if (followed.status === "rejected") throw followed.reason;
      if (checked.status === "rejected") throw checked.reason;
      return checked.value;
    },
    configuration,
    sweep,
    warnings: () => findWarnings(servers, options.waitReplicas),
    counters: [brokenSealsCounter(() => brokenSeals), valuesTooLongCounter(() => valuesTooLong)],
    async close() {
      servers.close();
    },
  };
}
