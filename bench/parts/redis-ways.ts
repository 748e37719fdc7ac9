/** Parts that need a real Redis: the packed form on its way to a script and back, and the fast paths of write.lua. */
import { Command, type Redis } from "ioredis";
import { noConfiguration } from "../../src/store/configuration.ts";
import { packCommands, unpackResults } from "../../src/store/packed/packed.ts";
import { ScriptCommand } from "../../src/store/redis/command.ts";
import { createKeys, partitionOf } from "../../src/store/redis/keys.ts";
import { loadScript } from "../../src/store/redis/script.ts";
import { placed, writeCall, writeScript } from "../../src/store/redis/write-call.ts";
import type { IdentifyCommand } from "../../src/users/store.ts";
import { identifyCommands } from "../baselines.ts";
import { type Comparison, cpuMicros, type Round } from "./measure.ts";

/** As the Redis adapter has them. */
const usersPerCall = 128;
const callsInFlight = 4;
const usersPerRound = 100 * usersPerCall;
/** The end of time, for a script that is never late. */
const never = Number.MAX_SAFE_INTEGER;

type Call = (users: readonly IdentifyCommand[]) => Promise<unknown>;

/** The commands of one measurement, in calls. */
function callsOf(from: number, value: number, wantUser = false, size = usersPerCall): IdentifyCommand[][] {
  const commands = [...identifyCommands(from, from + usersPerRound, value)].map((each) => ({ ...each, wantUser }));
  return Array.from({ length: usersPerRound / size }, (_, call) => commands.slice(call * size, (call + 1) * size));
}

/** Sends calls, a few at a time. Resolves to the CPU time of this process, and of Redis, for each user. */
async function send(redis: Redis, calls: readonly IdentifyCommand[][], call: Call) {
  const redisBefore = await redisMicros(redis);
  const before = cpuMicros();
  let next = 0;
  const sender = async () => {
    for (let some = calls[next++]; some !== undefined; some = calls[next++]) await call(some);
  };
  await Promise.all(Array.from({ length: callsInFlight }, sender));
  const client = (cpuMicros() - before) / usersPerRound;
  return { client, redis: ((await redisMicros(redis)) - redisBefore) / usersPerRound };
}

async function redisMicros(redis: Redis): Promise<number> {
  const info = await redis.info("cpu");
  const seconds = (name: string) => Number(new RegExp(`${name}:([\\d.]+)`).exec(info)?.[1]);
  return (seconds("used_cpu_user") + seconds("used_cpu_sys")) * 1e6;
}

const readPacked = `
local groups, total, pos = struct.unpack('<BI4', ARGV[1])
local results = {}
for n = 1, total do
  local verb, flags, group, etag, body
  verb, flags, group, etag, body, pos = struct.unpack('<BBBBc0I4c0', ARGV[1], pos)
  results[n] = struct.pack('<BBc0I2', 2, #etag, etag, 0)
end
return table.concat(results)`;

const readArguments = `
local results = {}
for n = 1, #KEYS do
  local at = (n - 1) * 5
  local verb, flags, group = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local etag, body = ARGV[at + 4], ARGV[at + 5]
  results[n] = { 2, etag }
end
return results`;

/**
 * Commands that a script reads and answers without a look at any user: in the packed form, and with an argument for each
 * field and a list for each result.
 */
export async function packedForm(redis: Redis, rounds: number): Promise<Comparison[]> {
  const keys = createKeys("rollcall:");
  const keyOf = ({ id }: IdentifyCommand) => keys.userIn(partitionOf(id), id);
  const script = { source: readPacked, sha: await load(redis, readPacked) };
  const plainSha = await load(redis, readArguments);
  const ours: Call = async (users) => {
    const packed = packCommands(users, { groups: 0, groupOf: () => 0 });
    const call = { script, keys: users.map(keyOf), args: [packed], writes: false };
    const answer = await sendCommand(redis, new ScriptCommand(call, false, []));
    if (!Buffer.isBuffer(answer)) throw new Error("the script answered no bytes");
    return unpackResults(answer, users);
  };
  const plain: Call = async (users) => {
    const fields = users.flatMap(({ etag, edits }) => [5, 1, 1, etag, Buffer.from(edits)]);
    const words = [plainSha, users.length, ...users.map(keyOf), ...fields];
    const answer = await sendCommand(redis, new Command("EVALSHA", words, { replyEncoding: "utf8" }));
    if (!Array.isArray(answer)) throw new Error("the script answered no list");
    return answer.map(([, etag]) => ({ outcome: "updated", etag, ignored: [], user: undefined }));
  };
  const calls = callsOf(0, 1);
  const server: Round[] = [];
  const inRedis: Round[] = [];
  for (let round = 0; round <= rounds; round++) {
    const [us, them] = [await send(redis, calls, ours), await send(redis, calls, plain)];
    // The first round is the warm-up.
    if (round === 0) continue;
    server.push({ ours: us.client, plain: them.client });
    inRedis.push({ ours: us.redis, plain: them.redis });
  }
  const against = "an argument for each field, a list for each result";
  return [
    { part: "Packed form (`store/packed`)", against, call: "BatchIdentify", rounds: server },
    { part: "Packed form, in Redis", against, call: "BatchIdentify, Redis", rounds: inRedis },
  ];
}

/** Calls in turn: with new users, with the same again, and with one of eight properties changed. */
const kinds = {
  "first import": { value: 0, wantUser: false },
  unchanged: { value: 0, wantUser: false },
  "one of eight changed": { value: 1, wantUser: false },
  "one of eight changed, answered with the user": { value: 2, wantUser: true },
  "one of eight changed, one user a call": { value: 3, wantUser: false, size: 1 },
};
type Kind = keyof typeof kinds;

interface KindOfCall {
  readonly value: number;
  readonly wantUser: boolean;
  /** Users of one call. */
  readonly size?: number;
}
const changing: readonly Kind[] = ["one of eight changed", "one of eight changed, answered with the user"];
const alone: Kind = "one of eight changed, one user a call";

/** write.lua without one of its fast paths: the text that is replaced, and its replacement. */
interface SlowPath {
  readonly part: string;
  readonly against: string;
  readonly replaced: string;
  readonly by: string;
  /** The kinds of calls that the fast path serves. */
  readonly serves: readonly Kind[];
}

const slowPaths: readonly SlowPath[] = [
  {
    part: "`scripts/set-properties.lua`",
    against: "`identify` in `scripts/write-verbs.lua`",
    replaced: "if verb == SET_PROPERTIES and flags <= CAN_CREATE + WANT_USER and",
    by: "if false and",
    serves: ["first import", "unchanged", ...changing],
  },
  {
    part: "`scripts/merge-sets.lua`",
    against: "`scripts/merge.lua`",
    replaced: "local function setProperties(",
    by: `${loadScript("merge").source}
mergeSets = function(stored, edits)
  if stored == edits then return nil, 0 end
  if stored == '' then return edits, 0 end
  return merge(stored, edits, nil, nil, now, false)
end
local function setProperties(`,
    serves: changing,
  },
  {
    part: "functions on demand (`script.ts`)",
    against: "all functions at the start",
    replaced: "\nlocal apply\n",
    by: "\nlocal apply = general()\n",
    serves: [alone],
  },
];

/** Users written by write.lua as it is, and without one of its fast paths: Redis' CPU time. */
export async function fastPathsOfScript(redis: Redis, rounds: number): Promise<Comparison[]> {
  const whole = await writer(redis, 0, writeScript.source);
  const without: { path: SlowPath; write: Call }[] = [];
  for (const path of slowPaths) {
    const source = writeScript.source.replace(path.replaced, path.by);
    if (source === writeScript.source) throw new Error(`write.lua does not have: ${path.replaced}`);
    without.push({ path, write: await writer(redis, without.length + 1, source) });
  }
  const measured = new Map<string, Comparison & { rounds: Round[] }>();
  for (let round = 0; round <= rounds; round++) {
    for (const [kind, { value, wantUser, size }] of Object.entries<KindOfCall>(kinds)) {
      const calls = callsOf(round * usersPerRound, value, wantUser, size);
      const ours = (await send(redis, calls, whole)).redis;
      for (const { path, write } of without) {
        const plain = (await send(redis, calls, write)).redis;
        // The first round is the warm-up.
        if (round === 0 || !path.serves.some((served) => served === kind)) continue;
        const { part, against } = path;
        const key = `${part} ${kind}`;
        const known = measured.get(key) ?? { part, against, call: `write.lua, ${kind}`, rounds: [] };
        known.rounds.push({ ours, plain });
        measured.set(key, known);
      }
    }
  }
  return [...measured.values()].sort((a, b) => b.part.localeCompare(a.part));
}

/** @param number in front of the keys: each script has users of its own */
async function writer(redis: Redis, number: number, source: string): Promise<Call> {
  const keys = createKeys(`users${number}:`);
  const script = { source, sha: await load(redis, source) };
  return (users) => {
    const groups = [...new Set(users.map(({ id }) => partitionOf(id)))];
    const call = {
      ...writeCall({ servers: { partitioned: false }, keys }, users.map(placed), groups, noConfiguration),
      script,
    };
    return sendCommand(redis, new ScriptCommand(call, false, [never, 0]));
  };
}

async function load(redis: Redis, source: string): Promise<string> {
  return String(await redis.script("LOAD", source));
}

function sendCommand(redis: Redis, command: Command): Promise<unknown> {
  redis.sendCommand(command);
  return command.promise;
}
