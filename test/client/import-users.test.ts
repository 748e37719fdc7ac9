import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Code } from "@connectrpc/connect";
import { beforeAll, describe, expect, test } from "vitest";
import {
  createRollcallClient,
  type ImportCounts,
  type ImportOptions,
  importUsers,
  Outcome,
  type RollcallClient,
  type UserToImport,
} from "../../src/client/index.ts";
import {
  counts,
  endless,
  type Item,
  interrupted,
  item,
  items,
  nothingRefused,
  protocols,
  servers,
  storedOf,
} from "../support/import-items.ts";
import { ada, startTestServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

describe.each(protocols)("over %s", (protocol) => {
  describe("an import", () => {
    let server: TestServer;
    let client: RollcallClient;
    beforeAll(async () => {
      server = await startTestServer();
      client = createRollcallClient({ server: server.url, protocol });
      return () => server.stop();
    });
    const prefixed = (prefix: string, count: number) =>
      items(count).map((each) => ({ ...each, id: `${prefix}-${each.position}` }));

    test("reports the outcome and the etag of each user in order, if onResult is given", async () => {
      const source = prefixed("told", 7);
      const seen: [number, Outcome][] = [];
      const options: ImportOptions<Item> = {
        ...nothingRefused,
        chunkUsers: 3,
        onResult({ position }, { outcome, etag }) {
          expect(etag).not.toBe("");
          seen.push([position, outcome]);
        },
      };
      expect(await importUsers(client, source, options)).toEqual(counts({ created: 7 }));
      expect(await importUsers(client, source, options)).toEqual(counts({ unchanged: 7 }));
      const positions = source.map(({ position }) => position);
      expect(seen).toEqual([
        ...positions.map((position) => [position, Outcome.CREATED]),
        ...positions.map((position) => [position, Outcome.UNCHANGED]),
      ]);
    });

    test("reads asynchronous lists, each while there is room", async () => {
      let read = 0;
      let ahead = 0;
      async function* lists() {
        for (const list of [prefixed("lists", 40), [], prefixed("more lists", 3)]) {
          yield (function* () {
            for (const each of list) {
              read++;
              yield each;
            }
          })();
        }
      }
      const options = { ...nothingRefused, chunkUsers: 2, chunksInFlight: 2 };
      const onProgress = ({ answered }: ImportCounts) => {
        ahead = Math.max(ahead, read - answered);
      };
      expect(await importUsers(client, lists(), { ...options, onProgress })).toEqual(counts({ created: 43 }));
      expect(ahead).toBeLessThanOrEqual(6);
    });

    test("reports the counts after each chunk", async () => {
      const answered: number[] = [];
      const onProgress: ImportOptions<Item>["onProgress"] = (progress) => answered.push(progress.answered);
      await importUsers(client, prefixed("progress", 7), { ...nothingRefused, chunkUsers: 3, onProgress });
      expect(answered).toEqual([3, 6, 7]);
      await importUsers(client, prefixed("progress", 7), { ...nothingRefused, chunkBytes: 1, onProgress });
      expect(answered.slice(3)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    });

    test("writes nothing with validateOnly", async () => {
      const source = prefixed("validated", 2);
      expect(await importUsers(client, source, { ...nothingRefused, validateOnly: true })).toEqual(
        counts({ created: 2 }),
      );
      expect(
        await storedOf(
          client,
          source.map(({ id }) => id),
        ),
      ).toBe(0);
    });

    test("sends all that an item has", async () => {
      const observedAt = new Date("2026-01-02T03:04:05.678Z");
      const source: UserToImport[] = [
        { id: "all", properties: { ...ada, phone: "1" }, observedAt },
        { id: "all", properties: { phone: "0" }, observedAt: new Date(0) },
        {
          id: "all",
          setOnce: { plan: "pro" },
          unset: ["phone"],
          precondition: { condition: { case: "exists", value: true } },
        },
      ];
      const ignored: string[][] = [];
      const onResult: ImportOptions<UserToImport>["onResult"] = (_, result) => ignored.push(result.ignoredProperties);
      await importUsers(client, source, { onRefused: ({ id }) => expect.fail(id), onResult });
      expect(ignored).toEqual([[], ["phone"], []]);
      expect((await client.getUser({ id: "all" })).user?.properties).toEqual({ ...ada, plan: "pro" });
    });

    test("reports in order what the server refuses and what cannot be sent, and imports the rest", async () => {
      const source = [
        item(0),
        item(1, { ...ada, bad: Number.NaN }),
        item(2, { name: "has no email" }),
        item(3, { ...ada, bad: "\ud800" }),
        item(4, { ...ada, large: "x".repeat(5 * 2 ** 20) }),
        item(5, { ...ada, large: "x".repeat(3 * 2 ** 20) }),
        item(6),
      ].map((each) => ({ ...each, id: `mixed-${each.position}` }));
      const refused: [number, string, string | undefined][] = [];
      const stored: number[] = [];
      const result = await importUsers(client, source, {
        onRefused: ({ position }, { reason, violations }) => refused.push([position, reason, violations[0]?.field]),
        onResult: ({ position }) => stored.push(position),
      });
      expect(result).toEqual(counts({ created: 2, failed: 5 }));
      expect(stored).toEqual([0, 6]);
      expect(refused).toEqual([
        [1, "INVALID_PROPERTY", "properties.bad"],
        [2, "REQUIRED_PROPERTY_MISSING", "properties.email"],
        [3, "INVALID_PROPERTY", "properties.bad"],
        [4, "LIMIT_EXCEEDED", "properties"],
        [5, "LIMIT_EXCEEDED", "properties.large"],
      ]);
    });

    test("reads its source only while there is room, and returns it when the import is cancelled", async () => {
      const stop = new AbortController();
      let read = 0;
      let answered = 0;
      let most = 0;
      let isLetGo = false;
      async function* source() {
        try {
          for await (const each of endless()) {
            most = Math.max(most, ++read - answered);
            yield { ...each, id: `ahead-${each.position}` };
          }
        } finally {
          isLetGo = true;
        }
      }
      const failure = await interrupted(client, source(), {
        chunkUsers: 10,
        chunksInFlight: 3,
        signal: stop.signal,
        onProgress(progress) {
          answered = progress.answered;
          if (answered === 500) stop.abort();
        },
      });
      expect(failure.cause.code).toBe(Code.Canceled);
      expect(failure.counts).toEqual(counts({ created: 500 }));
      expect(failure.firstUnanswered?.position).toBe(500);
      expect(most).toBeLessThanOrEqual(40);
      await until(() => isLetGo);
    });

    test("that is cancelled before it begins stores nothing", async () => {
      const failure = await interrupted(client, prefixed("never", 1), { signal: AbortSignal.abort() });
      expect(failure.cause.code).toBe(Code.Canceled);
      expect(await storedOf(client, ["never-0"])).toBe(0);
    });

    test("throws the error of its source, once everything before it is answered", async () => {
      const failure = new Error("the file ended in the middle of a line");
      function* failing() {
        yield* prefixed("failing", 3);
        throw failure;
      }
      const onProgress = (progress: { answered: number }) => expect(progress.answered).toBe(3);
      await expect(importUsers(client, failing(), { ...nothingRefused, onProgress })).rejects.toBe(failure);
      expect(await storedOf(client, ["failing-0", "failing-1", "failing-2"])).toBe(3);
    });

    test("throws the error of a callback", async () => {
      const failure = new Error("no room in the journal");
      const onProgress = () => {
        throw failure;
      };
      await expect(importUsers(client, endless(), { ...nothingRefused, onProgress })).rejects.toBe(failure);
    });

    test("without items does nothing, and options out of range are refused", async () => {
      expect(await importUsers(client, [], nothingRefused)).toEqual(counts({}));
      for (const limit of [{ chunkUsers: 1_001 }, { chunkBytes: 2 ** 22 }, { chunksInFlight: 0 }]) {
        await expect(importUsers(client, [], { ...nothingRefused, ...limit })).rejects.toThrow(RangeError);
      }
    });
  });

  describe("an import that keeps little of its items", () => {
    const half = "\ud800";
    const rows = (): Item[] => [
      item(0),
      item(1, { name: "no email", n: [1, { é: null }] }),
      item(2, { ...ada, half }),
      { ...item(3, { tier: "free" }), setOnce: { plan: "pro" }, unset: ["x"], observedAt: new Date(1_000) },
      item(4),
    ];

    test("holds no item once it is encoded", async () => {
      const [, client] = await servers({}, protocol);
      const read: WeakRef<Item>[] = [];
      async function* source() {
        for (let position = 0; position < 200; position++) {
          const one = item(position);
          read.push(new WeakRef(one));
          yield one;
        }
      }
      let held: number | undefined;
      const options = {
        chunkUsers: 10,
        keep: ({ position }: Item) => position,
        onRefused: () => expect.fail("refused"),
      };
      await importUsers(client, source(), {
        ...options,
        onProgress: () => {
          collectGarbage();
          held ??= read.filter((one) => one.deref() !== undefined).length;
        },
      });
      expect(read).toHaveLength(200);
      expect(held).toBeLessThan(20);
    });

    test("decodes the users that are refused", async () => {
      const [, client] = await servers({}, protocol);
      const refused = new Map<number, UserToImport>();
      await importUsers(client, rows(), {
        keep: ({ position }) => position,
        onRefused: (position, _, user) => refused.set(position, user()),
      });
      expect([...refused.keys()]).toEqual([1, 2, 3]);
      expect(refused.get(1)).toMatchObject({ id: "u1", properties: { name: "no email", n: [1, { é: null }] } });
      expect(refused.get(2)).toMatchObject({ id: "u2", properties: { half } });
      expect(refused.get(3)).toMatchObject({
        id: "u3",
        properties: { tier: "free" },
        setOnce: { plan: "pro" },
        unset: ["x"],
        observedAt: { seconds: 1n },
      });
    });
  });
});
