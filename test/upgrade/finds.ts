/** What servers find in the indexes of a store of both versions, held against its users. */
import { expect } from "vitest";
import { countUsers, findUsers, listUsers, type RollcallClient } from "../../src/client/index.ts";

/** As `switched.indexes` has them. */
const indexed = ["email", "plan"] as const;

/** The ids of users by a property and its value. */
type IdsByValue = ReadonlyMap<string, readonly string[]>;

/**
 * A user is found by what was acknowledged last, through each server.
 *
 * @param clients of servers whose indexes are ready
 */
export async function expectFinds(clients: readonly RollcallClient[]): Promise<void> {
  const id = "fleet found";
  const finds = (property: string, value: string) =>
    Promise.all(clients.map((client) => idsFound(client, property, value)));
  const all = clients.map(() => [id]);
  const none = clients.map(() => []);
  for (const [n, client] of clients.entries()) {
    await client.identify({ id, properties: { name: "Bo", email: `Bo.${n}@Example.com`, plan: `found ${n}` } });
    expect(await finds("email", `bo.${n}@example.com`)).toEqual(all);
    expect(await finds("plan", `found ${n}`)).toEqual(all);
    expect(await finds("email", `bo.${n - 1}@example.com`)).toEqual(none);
    await client.identify({ id, unset: ["plan"] });
    expect(await finds("plan", `found ${n}`)).toEqual(none);
  }
  await clients[0]?.deleteUser({ id });
  expect(await finds("email", `bo.${clients.length - 1}@example.com`)).toEqual(none);
}

/** Every user is found by its values, and counted with them, and nobody by another value. @param values that users may have had */
export async function expectInLine(client: RollcallClient, values: readonly string[]): Promise<void> {
  const stored = await storedIn(client, values);
  expect(await foundIn(client, stored)).toEqual(stored);
  const counts = new Map([...stored].map(([key, ids]) => [key, ids.length]));
  expect(await countedIn(client, stored)).toEqual(counts);
}

/** Nobody is found by a value that is not its own; some are not found. @param values that users may have had */
export async function expectNoneWrong(client: RollcallClient, values: readonly string[]): Promise<void> {
  const stored = await storedIn(client, values);
  const found = await foundIn(client, stored);
  for (const [key, ids] of found) expect(stored.get(key), key).toEqual(expect.arrayContaining([...ids]));
  expect(found).not.toEqual(stored);
}

async function storedIn(client: RollcallClient, values: readonly string[]): Promise<IdsByValue> {
  const stored = new Map<string, string[]>();
  for (const property of indexed) for (const value of values) stored.set(JSON.stringify([property, value]), []);
  for await (const { id, properties } of listUsers(client)) {
    for (const property of indexed) {
      const value = properties?.[property];
      if (value === undefined) continue;
      const key = JSON.stringify([property, value]);
      stored.set(key, [...(stored.get(key) ?? []), id].toSorted());
    }
  }
  return stored;
}

async function foundIn(client: RollcallClient, wanted: IdsByValue): Promise<IdsByValue> {
  const found = new Map<string, readonly string[]>();
  for (const key of wanted.keys()) {
    const [property, value] = JSON.parse(key);
    found.set(key, (await idsFound(client, property, value)).toSorted());
  }
  return found;
}

async function countedIn(client: RollcallClient, wanted: IdsByValue): Promise<ReadonlyMap<string, number>> {
  const counted = new Map<string, number>();
  for (const key of wanted.keys()) {
    const [property, equals] = JSON.parse(key);
    counted.set(key, await countUsers(client, { property, equals }));
  }
  return counted;
}

async function idsFound(client: RollcallClient, property: string, equals: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { id } of findUsers(client, { property, equals })) found.push(id);
  return found;
}
