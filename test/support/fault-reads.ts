/** Reads users, and finds them, while the store suffers faults: asks until there is an answer. */
import { setTimeout as pause } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import { countUsers, findUsers, type RollcallClient, RollcallError } from "../../src/client/index.ts";
import { emailOf, planOf } from "./fault-values.ts";

export const callTimeoutMs = 3_000;
/** The most users of one BatchGetUsers. */
const idsOfCall = 1_000;
/** How many users are searched for side by side. */
const searches = 8;

/** Why a store cannot find by an index that it has at other times. */
const notNow: readonly string[] = ["PROPERTY_NOT_INDEXED", "INDEX_NOT_READY"];

/** What the store has of a user. */
export interface Seen {
  readonly version: number;
  readonly etag: string;
}

export async function usersOf(
  client: RollcallClient,
  ids: readonly string[],
  abandoned: AbortSignal,
): Promise<(Seen | undefined)[]> {
  const { users } = await untilAnswered(
    () => client.batchGetUsers({ ids: [...ids] }, { timeoutMs: callTimeoutMs }),
    abandoned,
  );
  const found = new Map(
    users.map(({ id, properties, etag }) => [id, { version: Number(properties?.["version"]), etag }]),
  );
  return ids.map((id) => found.get(id));
}

export async function versionsOf(
  client: RollcallClient,
  ids: readonly string[],
  abandoned: AbortSignal,
): Promise<(number | undefined)[]> {
  return (await usersOf(client, ids, abandoned)).map((user) => user?.version);
}

/** Whether a user is found by the email of its version; undefined while the store has no such index, or is building it. */
export async function isFound(
  client: RollcallClient,
  id: string,
  version: number,
  abandoned: AbortSignal,
): Promise<boolean | undefined> {
  const match = { property: "email", equals: emailOf(id, version) };
  const find = async () => {
    for await (const user of findUsers(client, match, { timeoutMs: callTimeoutMs })) if (user.id === id) return true;
    return false;
  };
  try {
    return await untilAnswered(find, abandoned);
  } catch (error) {
    const isNow = !(error instanceof RollcallError && error.reason !== undefined && notNow.includes(error.reason));
    if (isNow) throw error;
    return undefined;
  }
}

/**
 * Holds the indexes of a store against its users, once nobody writes.
 *
 * @param ids of all users that there may be
 * @returns those who are there, and are not found by their email
 * @throws Error if the indexes count other users than there are
 */
export async function unfoundUsers(client: RollcallClient, ids: readonly string[]): Promise<string[]> {
  const never = new AbortController().signal;
  const there: { readonly id: string; readonly version: number }[] = [];
  for (let at = 0; at < ids.length; at += idsOfCall) {
    const some = ids.slice(at, at + idsOfCall);
    for (const [n, version] of (await versionsOf(client, some, never)).entries()) {
      if (version !== undefined) there.push({ id: some[n] ?? "", version });
    }
  }
  const missing: string[] = [];
  const left = there.values();
  const search = async () => {
    for (const { id, version } of left) if ((await isFound(client, id, version, never)) !== true) missing.push(id);
  };
  await Promise.all(Array.from({ length: searches }, search));
  await requireCounts(client, there);
  return missing;
}

/** @throws Error if the indexes count other users than these */
async function requireCounts(client: RollcallClient, users: readonly Pick<Seen, "version">[]): Promise<void> {
  const expected = new Map<string, number>([
    ["all", users.length],
    ["with an email", users.length],
  ]);
  const counted = new Map<string, number>([
    ["all", await countUsers(client)],
    ["with an email", await countUsers(client, { property: "email", present: true })],
  ]);
  for (const [plan, { length }] of Map.groupBy(users, ({ version }) => planOf(version))) {
    if (plan === undefined) continue;
    expected.set(`with the plan ${plan}`, length);
    counted.set(`with the plan ${plan}`, await countUsers(client, { property: "plan", equals: plan }));
  }
  const [asCounted, asExpected] = [counted, expected].map((counts) => JSON.stringify([...counts]));
  if (asCounted !== asExpected) throw new Error(`the indexes count ${asCounted}, and there are ${asExpected}`);
}

/** Asks again after failures that may pass. */
export async function untilAnswered<Answer>(ask: () => Promise<Answer>, abandoned: AbortSignal): Promise<Answer> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!isTransient(error)) throw error;
      await pause(20, undefined, { signal: abandoned });
    }
  }
}

export function isTransient(error: unknown): boolean {
  const { code } = ConnectError.from(error);
  return [Code.Unavailable, Code.ResourceExhausted, Code.DeadlineExceeded].includes(code);
}
