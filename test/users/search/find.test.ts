/** Pages of users that an index finds, and counts of them. */
import type { JsonValue } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { entryPrefix } from "../../../src/users/indexes/entries.ts";
import type { Index, IndexState } from "../../../src/users/indexes/indexed-property.ts";
import { limits } from "../../../src/users/limits.ts";
import type { Page } from "../../../src/users/registry.ts";
import { countUsers, findUsers } from "../../../src/users/search/find.ts";
import type { MatchInput } from "../../../src/users/search/match.ts";
import { formatToken } from "../../../src/users/search/page-token.ts";
import { type SearchedStore, searchedStore } from "../../support/searched-store.ts";
import { decode, valueBytes } from "../../support/struct.ts";

const index = (property: string, number: number, state: IndexState = "ready"): Index => ({
  ...{ property, folded: property === "email", number, state },
});
const indexes = [index("email", 1), index("plan", 2)];
const match = (property: string, condition: Partial<MatchInput>): MatchInput => ({
  ...{ property: Buffer.from(property), equals: [], ...condition },
});
const equals = (property: string, value: JsonValue) =>
  match(property, { equals: [Buffer.from(valueBytes(value), "hex")] });
const startsWith = (property: string, text: string) => match(property, { startsWith: Buffer.from(text) });
const present = (property: string) => match(property, { present: true });

interface Asked {
  readonly pageSize?: number;
  readonly pageToken?: string;
  readonly onlyProperties?: readonly string[];
  readonly bytesEach?: number;
}

function find(store: SearchedStore, sought: MatchInput | undefined, asked: Asked = {}): Promise<Page> {
  const { pageSize = 0, pageToken = "", onlyProperties = [], bytesEach = 100 } = asked;
  const names = onlyProperties.map((name) => Buffer.from(name));
  return findUsers(store, { match: sought, pageSize, pageToken, onlyProperties: names }, () => bytesEach);
}
const idsOf = ({ users }: Page) => users.map(({ id }) => id);

/** All pages. @param between called after each page but the last */
async function pages(store: SearchedStore, sought: MatchInput, asked: Asked = {}, between = () => {}): Promise<Page[]> {
  const found = [await find(store, sought, asked)];
  for (let last = found[0]; last !== undefined && last.nextPageToken !== ""; last = found.at(-1)) {
    between();
    found.push(await find(store, sought, { ...asked, pageToken: last.nextPageToken }));
  }
  return found;
}

function people(store: SearchedStore = searchedStore(indexes)): SearchedStore {
  for (const id of ["d", "a", "c", "b"]) store.put(id, { email: "Shared@Example.com", plan: "pro" });
  store.put("e", { email: "éve@example.com", plan: "free" });
  store.put("f", { email: "faythe@example.com", plan: 1 });
  store.put("g", { plan: true, name: "no email" });
  return store;
}

test("equals finds users in the order of their ids", async () => {
  const store = people();
  expect(idsOf(await find(store, equals("email", "SHARED@example.COM")))).toEqual(["a", "b", "c", "d"]);
  expect(idsOf(await find(store, equals("plan", "PRO")))).toEqual([]);
  expect(idsOf(await find(store, equals("plan", 1)))).toEqual(["f"]);
  expect(idsOf(await find(store, equals("plan", true)))).toEqual(["g"]);
  expect(await find(store, equals("email", "nobody@example.com"))).toEqual({
    users: [],
    damagedCount: 0,
    nextPageToken: "",
  });
});

test("present and starts_with find them in the order of their values, then ids", async () => {
  const store = people();
  expect(idsOf(await find(store, present("plan")))).toEqual(["g", "f", "e", "a", "b", "c", "d"]);
  expect(idsOf(await find(store, present("email")))).toEqual(["f", "a", "b", "c", "d", "e"]);
  expect(idsOf(await find(store, startsWith("email", "SH")))).toEqual(["a", "b", "c", "d"]);
  expect(idsOf(await find(store, startsWith("email", "E\u0301V")))).toEqual(["e"]);
});

test("pages of any size have each user once, and the last has no token", async () => {
  for (const sought of [equals("email", "shared@example.com"), present("plan"), startsWith("plan", "pr")]) {
    const store = people();
    const all = idsOf(await find(store, sought));
    for (let pageSize = 1; pageSize <= all.length + 1; pageSize++) {
      const found = await pages(store, sought, { pageSize });
      expect(found.flatMap(idsOf)).toEqual(all);
      expect(found).toHaveLength(Math.ceil(all.length / pageSize));
    }
  }
});

test("a page has no more than an answer holds", async () => {
  const found = await pages(people(), present("plan"), { bytesEach: limits.maxAnswerBytes / 2 - 1_000 });
  expect(found.map((page) => page.users.length)).toEqual([2, 2, 2, 1]);
  const large = await pages(people(), present("plan"), { bytesEach: 2 * limits.maxAnswerBytes });
  expect(large.map((page) => page.users.length)).toEqual([1, 1, 1, 1, 1, 1, 1]);
});

test("only the selected properties are returned, and the match need not be among them", async () => {
  const [user] = (await find(people(), equals("plan", true), { onlyProperties: ["name", "nothing"] })).users;
  expect(decode(user?.properties ?? Buffer.of())).toEqual({ name: "no email" });
});

test("users that no longer match when they are read are left out, also if that empties a page", async () => {
  const store = people();
  store.put("a", { plan: "other" }, { hasEntry: false });
  store.put("b", { plan: "pro " }, { hasEntry: false });
  store.put("d", {}, { hasEntry: false });
  expect((await pages(store, equals("plan", "pro"), { pageSize: 2 })).map(idsOf)).toEqual([[], ["c"]]);
  store.forget("c");
  expect((await pages(store, equals("plan", "pro"), { pageSize: 2 })).map(idsOf)).toEqual([[], []]);
});

test("damaged users are left out and counted, page by page", async () => {
  const store = people();
  store.damage("a");
  store.damage("c");
  const found = await pages(store, equals("plan", "pro"), { pageSize: 2 });
  expect(found.map((page) => [...idsOf(page), page.damagedCount])).toEqual([
    ["b", 1],
    ["d", 1],
  ]);
});

test("whoever matches throughout is found once, whatever happens to others meanwhile", async () => {
  const store = people();
  let turn = 0;
  const found = await pages(store, equals("email", "shared@example.com"), { pageSize: 1 }, () => {
    if (turn++ < 4) store.put(`a${turn}`, { email: "shared@example.com" });
    store.put("d", { email: "moved@example.com" });
  });
  expect(found.flatMap(idsOf)).toEqual(["a", "a1", "a2", "a3", "a4", "b", "c"]);
});

test("a token goes on after an index was dropped and built again", async () => {
  const store = people();
  const { nextPageToken } = await find(store, equals("plan", "pro"), { pageSize: 2 });
  store.index(index("plan", 7));
  people(store);
  expect(idsOf(await find(store, equals("plan", "pro"), { pageToken: nextPageToken }))).toEqual(["c", "d"]);
});

test("a token of another match, index, method or store is refused", async () => {
  const store = people();
  const { nextPageToken: pageToken } = await find(store, startsWith("plan", "pr"), { pageSize: 1 });
  const refused = (asked: Promise<unknown>) =>
    expect(asked).rejects.toMatchObject({ reason: "INVALID_PAGE_TOKEN", violations: [{ field: "page_token" }] });
  for (const sought of [
    startsWith("plan", "pro"),
    equals("plan", "pr"),
    equals("plan", "pro"),
    present("plan"),
    startsWith("email", "pr"),
  ]) {
    await refused(find(store, sought, { pageToken }));
  }
  await refused(find(people(searchedStore(indexes, "another store")), startsWith("plan", "pr"), { pageToken }));
  store.index({ ...index("plan", 2), folded: true });
  await refused(find(store, startsWith("plan", "pr"), { pageToken }));
});

test("a token that somebody has made up for a place outside the match is refused", async () => {
  const store = people();
  const configuration = store.configuration();
  if (configuration === undefined) throw new Error("the store has no configuration");
  const [storedEntry] =
    (await store.entries({ prefix: entryPrefix(2), after: undefined }, 1, configuration.generation)) ?? [];
  const value = storedEntry?.value ?? Buffer.of();
  const search = Buffer.concat([Buffer.from("plan\0\0"), Buffer.from("\x03pro\0\x01")]);
  const scope = { method: "find", storeId: configuration.storeId, search } as const;
  const pageOf = (place: Uint8Array) => find(store, equals("plan", "pro"), { pageToken: formatToken(scope, place) });
  expect(idsOf(await pageOf(Buffer.from("\x03pro\0\x01b")))).toEqual(["c", "d"]);
  for (const place of [
    Buffer.concat([value, Buffer.from("g")]),
    Buffer.from("\x03pr"),
    Buffer.from("\x03free\0\x01"),
  ]) {
    await expect(pageOf(place)).rejects.toMatchObject({ reason: "INVALID_PAGE_TOKEN" });
  }
});

test("counts are those of the users that are found, or of all", async () => {
  const store = people();
  store.damage("a");
  for (const [sought, count] of [
    [equals("email", "Shared@example.com"), 4],
    [startsWith("email", "fa"), 1],
    [present("plan"), 7],
    [present("email"), 6],
    [equals("plan", false), 0],
    [undefined, 7],
  ] as const) {
    expect(await countUsers(store, { match: sought })).toBe(count);
  }
});

test("an index that is being built cannot be used, and the error says how far it is", async () => {
  const store = searchedStore([index("plan", 1, "building"), index("email", 2, "dropping")]);
  for (const asked of [find(store, present("plan")), countUsers(store, { match: present("plan") })]) {
    await expect(asked).rejects.toMatchObject({
      reason: "INDEX_NOT_READY",
      metadata: { users_done: "3", users_total: "5" },
    });
  }
  for (const asked of [find(store, present("email")), countUsers(store, { match: present("email") })]) {
    await expect(asked).rejects.toMatchObject({ reason: "PROPERTY_NOT_INDEXED", metadata: { indexed: "plan" } });
  }
});

test("a search follows the store's configuration when it changes meanwhile", async () => {
  const store = people();
  const changing = (after: () => void): SearchedStore => {
    let isChanged = false;
    return {
      ...store,
      async entries(range, count, generation) {
        if (!isChanged) after();
        isChanged = true;
        return store.entries(range, count, generation);
      },
    };
  };
  const rebuilt = changing(() => {
    store.index(index("plan", 9));
    people(store);
  });
  expect(idsOf(await find(rebuilt, equals("plan", "pro")))).toEqual(["a", "b", "c", "d"]);
  const dropped = changing(() => store.index(index("email", 1)));
  await expect(find(dropped, equals("plan", "pro"))).rejects.toMatchObject({ reason: "PROPERTY_NOT_INDEXED" });
});

test("a store whose configuration is never the one that is known is unavailable", async () => {
  const store: SearchedStore = { ...people(), entries: async () => undefined, countEntries: async () => undefined };
  const unknown: SearchedStore = { ...people(), configuration: () => undefined };
  for (const each of [store, unknown]) {
    for (const asked of [find(each, present("plan")), countUsers(each, { match: present("plan") })]) {
      await expect(asked).rejects.toMatchObject({
        reason: "STORE_UNAVAILABLE",
        message: expect.not.stringContaining("write"),
      });
    }
  }
});

test("every offending field is named, before the store is asked", async () => {
  const asked = find(people(), undefined, { pageSize: -1, onlyProperties: [""] });
  await expect(asked).rejects.toMatchObject({
    reason: "INVALID_MATCH",
    violations: [{ field: "match" }, { field: "page_size" }, { field: "only_properties[0]" }],
  });
  await expect(countUsers(people(), { match: match("", {}) })).rejects.toMatchObject({
    violations: [{ field: "match.property" }],
  });
});
