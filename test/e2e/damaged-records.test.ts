/** What callers, metrics and the log are told where what is stored of a user is damaged. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, ConnectError, createClient } from "@connectrpc/connect";
import {
  compressionGzip,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { rollcall } from "../support/processes.ts";
import { inFull } from "../support/repeats.ts";
import { describeError, failureOf } from "../support/rpc-errors.ts";
import { ada, startTestServer, type TestServer } from "../support/server.ts";
import { openSpoilt, type SpoiltStore } from "../support/spoilt-stores.ts";

const transports = {
  gRPC: (baseUrl: string) => createGrpcTransport({ baseUrl }),
  "gRPC, compressed": (baseUrl: string) =>
    createGrpcTransport({ baseUrl, sendCompression: compressionGzip, compressMinBytes: 0 }),
  "gRPC-Web": (baseUrl: string) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
  Connect: (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: false }),
} as const;
/** Of calls that come together. */
const rounds = inFull ? 10 : 2;
const reasonOf = (error: unknown) => describeError(ConnectError.from(error)).reason;
const protocols = ["gRPC", "gRPC, compressed", "gRPC-Web", "Connect"] as const;

describe.each(["SQLite", "Redis", "Redis Cluster"] as const)("over %s", (name) => {
  let spoilt: SpoiltStore;
  let server: TestServer;
  /** Ids of damaged users, each damaged in another way. */
  let damaged: string[];
  const well = ["a", "m", "z"];
  beforeAll(async () => {
    spoilt = await openSpoilt[name]();
    server = await startTestServer({ store: spoilt.url });
    const users = createClient(UserService, transports.gRPC(server.url));
    const kinds = spoilt.kinds.filter(([, part]) => part !== "observed").map(([kind]) => kind);
    damaged = kinds.map((_, index) => `damaged-user-${index}`);
    for (const id of [...well, ...damaged]) {
      await users.identify({ id, properties: ada });
      await users.setPreferences({ id, preferences: { theme: "dark" } });
    }
    for (const [index, id] of damaged.entries()) await spoilt.spoil(id, kinds[index] ?? "");
  });
  afterAll(async () => {
    await server.stop();
    await spoilt.close();
  });

  describe.each(protocols)("with %s", (protocol) => {
    let users: Client<typeof UserService>;
    beforeAll(() => {
      users = createClient(UserService, transports[protocol](server.url));
    });

    test("a list leaves them out, and says how many they are", async () => {
      const { users: listed, damagedCount, nextPageToken } = await users.listUsers({ pageSize: 1_000 });
      expect(listed.map(({ id }) => id).toSorted()).toEqual(well);
      expect(damagedCount).toBe(damaged.length);
      expect(nextPageToken).toBe("");
      let counted = 0;
      const inPages: string[] = [];
      let pageToken = "";
      do {
        const page = await users.listUsers({ pageSize: 2, pageToken });
        inPages.push(...page.users.map(({ id }) => id));
        counted += page.damagedCount;
        pageToken = page.nextPageToken;
      } while (pageToken !== "");
      expect(inPages.toSorted()).toEqual(well);
      expect(counted).toBe(damaged.length);
    });

    test("several that are asked for by id are told apart from those that are missing", async () => {
      const ids = ["nobody", ...damaged, ...well];
      const found = await users.batchGetUsers({ ids });
      expect(found.users.map(({ id }) => id)).toEqual(well);
      expect(found.missingIds).toEqual(["nobody"]);
      expect(found.unreadIds).toEqual([]);
      expect(found.damagedIds).toEqual(damaged);
    });

    test("one that is asked for, or written to, is an error that says so", async () => {
      for (const id of damaged) {
        const error = { code: "Internal", reason: "USER_DAMAGED", retry: false };
        expect(await failureOf(users.getUser({ id }))).toMatchObject(error);
        expect(await failureOf(users.identify({ id, properties: { plan: "pro" }, validateOnly: true }))).toMatchObject({
          ...error,
          message: expect.stringContaining("nothing was written"),
        });
      }
    });
  });

  test.each(protocols)("calls that come together with one about it get their true answers: %s", async (protocol) => {
    const users = createClient(UserService, transports[protocol](server.url));
    const exists = { condition: { case: "exists", value: false } } as const;
    const theme = { theme: "light" };
    for (let round = 0; round < rounds; round++) {
      const leaving = Array.from({ length: 10 }, (_, index) => `leaving-${index}`);
      await Promise.all(leaving.map((id) => users.identify({ id, properties: ada })));
      const calls = leaving.flatMap((id, index) => {
        const about = damaged[index % damaged.length] ?? "";
        return [
          users.identify({ id: about, properties: { round }, validateOnly: true }),
          users.deleteUser({ id }),
          users.identify({ id: "a", properties: ada, precondition: exists }),
          users.setPreferences({ id: "nobody", preferences: theme }),
        ];
      });
      const told = await Promise.all(
        calls.map((call) =>
          call.then(
            () => "done",
            (error) => reasonOf(error),
          ),
        ),
      );
      const truth = ["USER_DAMAGED", "done", "USER_ALREADY_EXISTS", "USER_NOT_FOUND"];
      expect(told).toEqual(leaving.flatMap(() => truth));
    }
  });

  test("an item of a batch is refused for it, and the stream goes on", async () => {
    const id = damaged[0] ?? "";
    const users = createClient(UserService, transports.gRPC(server.url));
    async function* requests() {
      yield { requests: [id, "a", id].map((each, n) => ({ id: each, properties: { n } })) };
      yield { requests: [{ id: "m", properties: { n: 1 } }] };
    }
    const answers = [];
    for await (const answer of users.batchIdentify(requests())) answers.push(answer);
    expect(answers).toMatchObject([
      { updated: 1, failed: 2, results: [{ index: 0, id, error: { reason: "USER_DAMAGED", code: 13 } }, { index: 2 }] },
      { updated: 1, failed: 0 },
    ]);
  });

  test("they are counted, and logged without their ids", async () => {
    const users = createClient(UserService, transports.gRPC(server.url));
    const count = async () => (await server.metric('rollcall_damaged_records_total{rollcall_part="meta"}')) ?? 0;
    const before = await count();
    await users.batchGetUsers({ ids: damaged });
    expect(await count()).toBe(before + spoilt.kinds.filter(([, part]) => part === "meta").length);
    expect(server.logs.map(({ part, msg }) => [part, msg])).toContainEqual([
      "meta",
      "records of users cannot be read; rollcall verify names them",
    ]);
    const told = JSON.stringify(server.logs) + (await server.metrics());
    expect(told).not.toContain("damaged-user-");
    expect(server.logs.filter(({ msg }) => msg === "a request failed inside")).toEqual([]);
  });

  test("the command line says that they are left out", async () => {
    const at = ["--server", server.url];
    const some = await rollcall(["get", "a", damaged[0] ?? "", ...at]);
    expect(some.status).toBe(1);
    expect(JSON.parse(some.stdout)).toMatchObject({ users: [{ id: "a" }], damaged_ids: [damaged[0]] });
    const all = await rollcall(["list", "--all", ...at]);
    expect(all.stdout.trim().split("\n")).toHaveLength(well.length);
    expect(all.stderr).toContain(`${damaged.length} users are left out`);
    expect(all.status).toBe(1);
    const page = await rollcall(["list", ...at]);
    expect(JSON.parse(page.stdout)).toMatchObject({ damaged_count: damaged.length });
    expect(page.stderr).toContain(`${damaged.length} users are left out`);
    expect(page.status).toBe(1);
    const directory = mkdtempSync(join(tmpdir(), "rollcall-export-"));
    try {
      const file = join(directory, "users.ndjson");
      const exported = await rollcall(["export", file, ...at]);
      expect(exported.status).toBe(1);
      expect(exported.stderr).toContain(`${damaged.length} users are left out`);
      expect(readFileSync(file, "utf8").trim().split("\n")).toHaveLength(well.length);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test("they can be deleted", async () => {
    const users = createClient(UserService, transports.gRPC(server.url));
    for (const id of damaged) {
      await users.deleteUser({ id });
      expect(await failureOf(users.getUser({ id }))).toMatchObject({ reason: "USER_NOT_FOUND" });
    }
    expect((await users.listUsers({})).damagedCount).toBe(0);
  });
});
