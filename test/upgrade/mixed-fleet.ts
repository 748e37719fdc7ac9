/** Writes through servers of different versions at once, while the fleet or its store is changed, and loses nothing. */
import assert from "node:assert/strict";
import type { RollcallClient } from "../../src/client/index.ts";
import { seededRandom } from "../support/random.ts";
import { Fleet } from "./fleet.ts";
import { counter, type Expectations, type Expected, importer, sharer, stateOf, type Writer } from "./fleet-writers.ts";

/** Something that is done to the fleet or to its store while writers write. */
export type Step = (fleet: Fleet) => unknown;

const writers: readonly Writer[] = [
  ...["a", "b", "c"].map(counter),
  ...["by a", "by b", "by c"].map(sharer),
  ...["a", "b"].map(importer),
];

/**
 * Takes the steps one after another. Before and after each, every writer gets answers from every server. At the end, every
 * server must have what every writer was answered, and nothing more.
 *
 * @param servers their URLs, by the names that failures give
 * @throws Error if a call fails, or if an answer is not as it must be
 */
export async function writeThroughout(
  servers: Readonly<Record<string, string>>,
  steps: readonly Step[],
  seed = 1,
): Promise<void> {
  const fleet = new Fleet();
  for (const [name, url] of Object.entries(servers)) fleet.join(name, url);
  const stopping = new AbortController();
  const writing = writers.map((write, at) => write(fleet.caller(), seededRandom(seed + at), stopping.signal));
  const walking = (async () => {
    await fleet.goesOn();
    for (const step of steps) {
      await step(fleet);
      await fleet.goesOn();
    }
  })();
  try {
    // Writers end first only if one fails.
    await Promise.race([walking, Promise.all(writing)]);
  } finally {
    stopping.abort();
    walking.catch(() => {});
    await Promise.allSettled(writing);
  }
  const expected = united(await Promise.all(writing));
  for (const [name, client] of fleet.clients) assert.deepEqual(await allUsers(client), expected, `as ${name} says`);
}

/** Writers of the same user set different properties of it. */
function united(all: readonly Expectations[]): Map<string, Expected> {
  const users = new Map<string, Expected>();
  for (const [id, one] of all.flatMap((written) => [...written])) {
    if (one !== undefined) users.set(id, { ...one, properties: { ...users.get(id)?.properties, ...one.properties } });
  }
  return users;
}

async function allUsers(client: RollcallClient): Promise<Map<string, Expected>> {
  const users = new Map<string, Expected>();
  let pageToken = "";
  do {
    const page = await client.listUsers({ pageSize: 50, pageToken });
    for (const user of page.users) {
      assert(!users.has(user.id), `${user.id} is listed twice`);
      users.set(user.id, stateOf(user));
    }
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return users;
}
