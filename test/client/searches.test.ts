/** Sequences of users over all pages. */
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { expect, onTestFinished, test } from "vitest";
import {
  CountUsersResponseSchema,
  FindUsersRequestSchema,
  ScanUsersRequestSchema,
  UserService,
} from "#gen/rollcall/v1/user_service_pb.js";
import {
  countUsers,
  createRollcallClient,
  findUsers,
  listUsers,
  type RollcallClient,
  RollcallError,
  scanUsers,
  type UserMatch,
} from "../../src/client/index.ts";
import { temporaryFolder } from "../support/files.ts";
import { ada, startTestServer } from "../support/server.ts";
import { switchIndexes } from "../support/switch-indexes.ts";

/** A server that answers with three pages, of which the second has no users. */
function paged() {
  const requests: unknown[] = [];
  const pages: Record<string, { users?: { id: string }[]; nextPageToken?: string; damagedCount?: number }> = {
    "": { users: [{ id: "a" }, { id: "b" }], nextPageToken: "second" },
    second: { nextPageToken: "third", damagedCount: 2 },
    third: { users: [{ id: "c" }] },
  };
  const answer = (request: { readonly pageToken: string }) => {
    requests.push(request);
    return pages[request.pageToken] ?? expect.fail(`an unknown token: ${request.pageToken}`);
  };
  const transport = createRouterTransport(({ service }) =>
    service(UserService, {
      listUsers: answer,
      findUsers: answer,
      scanUsers: answer,
      countUsers(request) {
        requests.push(request);
        return create(CountUsersResponseSchema, { count: 7n });
      },
    }),
  );
  return { client: createClient(UserService, transport), requests };
}

async function idsOf(users: AsyncIterable<{ readonly id: string }>): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of users) ids.push(id);
  return ids;
}

test("all pages are one sequence", async () => {
  const { client, requests } = paged();
  expect(await idsOf(listUsers(client))).toEqual(["a", "b", "c"]);
  expect(requests).toMatchObject(["", "second", "third"].map((pageToken) => ({ pageToken, pageSize: 1_000 })));
});

test("a page is read once its users are wanted", async () => {
  const { client, requests } = paged();
  for await (const { id } of listUsers(client)) {
    expect(requests).toHaveLength(1);
    if (id === "b") break;
  }
  expect(requests).toHaveLength(1);
});

test("each page is told once its users have been taken, and its token resumes the sequence", async () => {
  const { client } = paged();
  const told: unknown[] = [];
  const onPage = ({ nextPageToken, damagedCount }: { nextPageToken: string; damagedCount: number }) =>
    told.push([nextPageToken, damagedCount]);
  for await (const { id } of listUsers(client, { onPage })) told.push(id);
  expect(told).toEqual(["a", "b", ["second", 0], ["third", 2], "c", ["", 0]]);
  expect(await idsOf(listUsers(client, { pageToken: "third" }))).toEqual(["c"]);
});

test.each([
  [
    { property: "email", equals: "a" },
    { case: "equals", value: { kind: { case: "stringValue", value: "a" } } },
  ],
  [
    { property: "n", equals: 0 },
    { case: "equals", value: { kind: { case: "numberValue", value: 0 } } },
  ],
  [
    { property: "b", equals: false },
    { case: "equals", value: { kind: { case: "boolValue", value: false } } },
  ],
  [
    { property: "email", startsWith: "ad" },
    { case: "startsWith", value: "ad" },
  ],
  [
    { property: "email", present: true },
    { case: "present", value: true },
  ],
] as const)("%j is a match of the contract", async (match, condition) => {
  const { client, requests } = paged();
  const options = { pageSize: 2, onlyProperties: ["name"] };
  await idsOf(findUsers(client, match, options));
  const expected = create(FindUsersRequestSchema, { match: { property: match.property, condition }, ...options });
  expect(requests[0]).toEqual(expected);
  requests.length = 0;
  expect(await countUsers(client, match)).toBe(7);
  expect(requests).toMatchObject([{ match: expected.match }]);
});

test("without a match, all users are counted", async () => {
  const { client, requests } = paged();
  expect(await countUsers(client)).toBe(7);
  expect(requests).toEqual([expect.not.objectContaining({ match: expect.anything() })]);
});

test("a filter has JSON and Dates", async () => {
  const { client, requests } = paged();
  const [updatedAfter, createdAfter] = [new Date("2026-11-01T00:00:00.5Z"), timestampFromMs(5)];
  await idsOf(scanUsers(client, { properties: { plan: "pro" }, updatedAfter, createdAfter }));
  const where = { properties: { plan: "pro" }, updatedAfter: timestampFromMs(updatedAfter.getTime()), createdAfter };
  expect(requests[0]).toEqual(create(ScanUsersRequestSchema, { where, pageSize: 1_000 }));
});

/** Reads everything with a client whose server is away: what it refuses, it has not sent. */
async function refusedBeforeSending(ask: (users: RollcallClient) => Promise<unknown>) {
  const users = createRollcallClient({ server: "http://127.0.0.1:1", retries: false });
  const error: unknown = await ask(users).then(
    () => expect.fail("it succeeded"),
    (failure: unknown) => failure,
  );
  if (!(error instanceof RollcallError)) throw error;
  return error.violations;
}

test("a match with several conditions is refused, as the server refuses it", async () => {
  const reason = "INVALID_MATCH";
  for (const [conditions, count] of [
    [{ equals: "a", present: true }, 2],
    [{ equals: "a", startsWith: "ab" }, 2],
    [{ equals: 0, startsWith: "ab", present: false }, 3],
  ] as const) {
    const match = { property: "f", ...conditions } as object as UserMatch;
    const description = `has ${count} conditions: one of equals, startsWith and present is required`;
    const expected = [{ field: "match", reason, description }];
    expect(await refusedBeforeSending((users) => idsOf(findUsers(users, match)))).toEqual(expected);
    expect(await refusedBeforeSending((users) => countUsers(users, match))).toEqual(expected);
  }
});

test("names that a match or a filter does not have are refused", async () => {
  const reason = "MALFORMED_REQUEST";
  const filter = { propertes: { plan: "pro" }, updated_after: new Date(0) } as object;
  expect(await refusedBeforeSending((users) => idsOf(scanUsers(users, filter)))).toEqual([
    { field: "where.propertes", reason, description: "is no field of rollcall.v1.UserFilter" },
    {
      ...{ field: "where.updated_after", reason },
      description: "is no field of rollcall.v1.UserFilter: it is updatedAfter in TypeScript",
    },
  ]);
  const match = { property: "f", equals: "a", starts_with: "ab" } as UserMatch;
  expect(await refusedBeforeSending((users) => idsOf(findUsers(users, match)))).toMatchObject([
    { field: "match.starts_with", reason, description: expect.stringContaining("it is startsWith in TypeScript") },
  ]);
});

test.each([
  ["updatedAfter", "where.updated_after"],
  ["createdAfter", "where.created_after"],
])("an invalid Date in %s is refused by the name of its field", async (name, field) => {
  const filter = { [name]: new Date(Number.NaN) };
  expect(await refusedBeforeSending((users) => idsOf(scanUsers(users, filter)))).toEqual([
    { field, reason: "INVALID_FILTER", description: "is an invalid Date" },
  ]);
});

test("users of a server are listed, scanned, found and counted, and what it refuses is typed", async () => {
  const store = `sqlite:${join(temporaryFolder(), "users.db")}`;
  const server = await startTestServer({ store });
  onTestFinished(() => server.stop());
  const users = createRollcallClient(server.url);
  for (const id of ["a", "b", "c"])
    await users.identify({ id, properties: { ...ada, plan: id === "b" ? "pro" : "free" } });
  expect((await idsOf(listUsers(users, { pageSize: 1 }))).sort()).toEqual(["a", "b", "c"]);
  expect(
    await idsOf(scanUsers(users, { properties: { plan: "pro" }, createdAfter: new Date(0) }, { pageSize: 1 })),
  ).toEqual(["b"]);
  const later = new Date(Date.now() + 3_600_000);
  expect(await idsOf(scanUsers(users, { updatedAfter: later }))).toEqual([]);
  const refused = async (asked: Promise<unknown>) => {
    const error = await asked.then(
      () => expect.fail("it succeeded"),
      (failure: unknown) => failure,
    );
    return error instanceof RollcallError ? [error.reason, error.violations.map(({ field }) => field)] : error;
  };
  expect(await refused(idsOf(findUsers(users, { property: "phone", present: true })))).toEqual([
    "PROPERTY_NOT_INDEXED",
    [],
  ]);
  expect(await refused(countUsers(users, { property: "email", startsWith: "a" }))).toEqual([
    "INVALID_MATCH",
    ["match.starts_with"],
  ]);
  const isNull = { property: "email", equals: null } as object as { property: string; equals: string };
  expect(await refused(idsOf(findUsers(users, isNull)))).toEqual(["INVALID_MATCH", ["match.equals"]]);
  expect(await refused(idsOf(scanUsers(users, { updatedAfter: new Date(-1) })))).toEqual([
    "INVALID_FILTER",
    ["where.updated_after"],
  ]);
  await switchIndexes(store, "email:fold", server.url);
  expect(await idsOf(findUsers(users, { property: "email", equals: "ADA@example.com" }, { pageSize: 2 }))).toEqual([
    "a",
    "b",
    "c",
  ]);
  expect(await countUsers(users, { property: "email", startsWith: "ad" })).toBe(3);
  expect(await countUsers(users)).toBe(3);
  const aborted = AbortSignal.abort(new Error("enough"));
  expect(await refused(idsOf(listUsers(users, { signal: aborted })))).toEqual([undefined, []]);
});
