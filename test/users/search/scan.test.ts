/** Scans: what a page has, when it ends, and where the next one begins. */
import type { JsonObject } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, test } from "vitest";
import { limits } from "../../../src/users/limits.ts";
import { formatToken } from "../../../src/users/search/page-token.ts";
import type { ScannedPage } from "../../../src/users/search/scan.ts";
import { scanUsers } from "../../../src/users/search/scan.ts";
import { type SearchedStore, searchedStore } from "../../support/searched-store.ts";
import { decode, encode } from "../../support/struct.ts";

interface Asked {
  readonly where?: JsonObject;
  readonly pageSize?: number;
  readonly pageToken?: string;
  readonly onlyProperties?: readonly string[];
  readonly bytesEach?: number;
  readonly now?: () => number;
}

function scan(store: SearchedStore, asked: Asked = {}): Promise<ScannedPage> {
  const { where, pageSize = 0, pageToken = "", onlyProperties = [], bytesEach = 100, now = () => 0 } = asked;
  const input = {
    where: where && { properties: [encode(where)] },
    ...{ pageSize, pageToken, onlyProperties: onlyProperties.map((name) => Buffer.from(name)) },
  };
  return scanUsers(store, input, () => bytesEach, { now });
}
const idsOf = ({ users }: ScannedPage) => users.map(({ id }) => id);

async function pages(store: SearchedStore, asked: Asked = {}, between = () => {}): Promise<ScannedPage[]> {
  const found = [await scan(store, asked)];
  for (let last = found[0]; last !== undefined && last.nextPageToken !== ""; last = found.at(-1)) {
    between();
    found.push(await scan(store, { ...asked, pageToken: last.nextPageToken }));
  }
  return found;
}

const idOf = (at: number) => `u${String(at).padStart(5, "0")}`;
function storeOf(
  count: number,
  propertiesOf = (at: number): JsonObject => ({ n: at, third: at % 3 === 0 }),
): SearchedStore {
  const store = searchedStore([]);
  for (let at = 0; at < count; at++) store.put(idOf(at), propertiesOf(at));
  return store;
}
const every = (count: number, wanted = (_at: number) => true) =>
  Array.from({ length: count }, (_, at) => at)
    .filter(wanted)
    .map(idOf);

test("pages of any size have each user that matches once, in the order of the listing", async () => {
  const sizes = fc.record({
    users: fc.nat({ max: 320 }),
    pageSize: fc.integer({ min: 1, max: 130 }),
    isThird: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(sizes, async ({ users, pageSize, isThird }) => {
      const store = storeOf(users);
      const found = await pages(store, { pageSize, ...(isThird && { where: { third: true } }) });
      const expected = every(users, (at) => !isThird || at % 3 === 0);
      expect(found.flatMap(idsOf)).toEqual(expected);
      expect(found.reduce((sum, { lookedAt }) => sum + lookedAt, 0)).toBe(users);
      expect(found.every((page) => page.users.length <= pageSize)).toBe(true);
    }),
    { numRuns: 60 },
  );
});

test("a page is full, or has looked at 10,000 users", async () => {
  const store = storeOf(10_050);
  const found = await pages(store, { where: { n: 10_020 } });
  expect(found.map((page) => [page.lookedAt, idsOf(page)])).toEqual([
    [limits.maxScannedUsers, []],
    [50, [idOf(10_020)]],
  ]);
  expect((await pages(store, { pageSize: 5_000 })).map((page) => page.users.length)).toEqual([
    ...Array(10).fill(1_000),
    50,
  ]);
});

test("a page ends after 50 ms, with the users that it has read", async () => {
  let clock = 0;
  const now = () => (clock += 20);
  const found = await pages(storeOf(400), { pageSize: 1_000, now });
  expect(found.map(({ lookedAt }) => lookedAt)).toEqual([250, 150]);
});

test("a page has no more than an answer holds, and looks at the user that did not fit again", async () => {
  const found = await pages(storeOf(7), { bytesEach: limits.maxAnswerBytes / 2 - 1_000 });
  expect(found.map((page) => [page.users.length, page.lookedAt])).toEqual([
    [2, 2],
    [2, 2],
    [2, 2],
    [1, 1],
  ]);
  const large = await pages(storeOf(3), { bytesEach: 2 * limits.maxAnswerBytes });
  expect(large.map((page) => page.users.length)).toEqual([1, 1, 1]);
});

test.each([
  ["small users are read 100 at a time, as the next ones may be large", { text: "x" }, 100],
  ["large users are read a few at a time", { text: "x".repeat(50_000), more: "x".repeat(50_000) }, 50],
])("%s", async (_, properties, expected) => {
  const store = storeOf(400, () => properties);
  const reads: number[] = [];
  const counting: SearchedStore = {
    ...store,
    get: (ids) => {
      reads.push(ids.length);
      return store.get(ids);
    },
  };
  const found = await pages(counting, { where: { none: 1 } });
  expect(found.reduce((sum, { lookedAt }) => sum + lookedAt, 0)).toBe(400);
  expect(Math.max(...reads)).toBe(expected);
  expect(reads.reduce((sum, count) => sum + count, 0)).toBe(400);
});

test("damaged users are left out and counted, and those that are gone by now are not there", async () => {
  const store = storeOf(6);
  store.damage(idOf(1));
  store.damage(idOf(4));
  const listed: SearchedStore = {
    ...store,
    async list(after, count, signal) {
      const ids = await store.list(after, count, signal);
      store.forget(idOf(2));
      return ids;
    },
  };
  const [page] = await pages(listed);
  expect([page?.damagedCount, page && idsOf(page), page?.lookedAt]).toEqual([2, [idOf(0), idOf(3), idOf(5)], 6]);
});

test("whoever matches throughout is found once, whatever happens to others meanwhile", async () => {
  const store = storeOf(20);
  let turn = 0;
  const found = await pages(store, { pageSize: 3, where: { third: true } }, () => {
    store.put(`t${turn++}`, { third: true });
    store.forget(idOf(19 - turn));
    store.put(idOf(9), { third: turn % 2 === 0 });
  });
  for (const at of [0, 3, 6]) expect(found.flatMap(idsOf).filter((id) => id === idOf(at))).toHaveLength(1);
});

test("only the selected properties are returned, and the filter's need not be among them", async () => {
  const [page] = await pages(storeOf(1), { where: { third: true }, onlyProperties: ["n"] });
  expect(decode(page?.users[0]?.properties ?? Buffer.of())).toEqual({ n: 0 });
});

test("a token goes on with another filter, and not in another store", async () => {
  const { nextPageToken: pageToken } = await scan(storeOf(10), { pageSize: 4 });
  expect(idsOf(await scan(storeOf(10), { pageToken, where: { third: true } }))).toEqual([idOf(6), idOf(9)]);
  const refused = { reason: "INVALID_PAGE_TOKEN", violations: [{ field: "page_token" }] };
  await expect(scan(searchedStore([], "another store"), { pageToken })).rejects.toMatchObject(refused);
  const scope = {
    method: "scan",
    storeId: storeOf(1).configuration()?.storeId ?? "",
    search: new Uint8Array(),
  } as const;
  expect(idsOf(await scan(storeOf(2), { pageToken: formatToken(scope, Buffer.from(idOf(0))) }))).toEqual([idOf(1)]);
  const madeUp = formatToken(scope, Buffer.from([0xff]));
  await expect(scan(storeOf(1), { pageToken: madeUp })).rejects.toMatchObject(refused);
});

test("every offending field is named", async () => {
  const asked = scan(storeOf(1), { where: { "": 1 }, pageSize: -1, pageToken: "none", onlyProperties: [""] });
  await expect(asked).rejects.toMatchObject({
    reason: "INVALID_PROPERTY",
    violations: [
      { field: 'where.properties[""]' },
      { field: "page_size" },
      { field: "page_token" },
      { field: "only_properties[0]" },
    ],
  });
});

test("a store whose configuration is not known is unavailable", async () => {
  const store: SearchedStore = { ...storeOf(1), configuration: () => undefined };
  await expect(scan(store)).rejects.toMatchObject({ reason: "STORE_UNAVAILABLE" });
});
