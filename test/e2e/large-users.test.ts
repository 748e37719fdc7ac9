/** Users at the limits: they page, are read together and merge, and no answer is larger than 3 MiB. */
import { request as httpRequest } from "node:http";
import {
  create,
  type DescMessage,
  type DescMethod,
  fromBinary,
  fromJsonString,
  type MessageInitShape,
  type MessageShape,
  toBinary,
  toJsonString,
} from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { beforeAll, describe, expect, test } from "vitest";
import { BatchReport, Outcome, UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { limits } from "../../src/users/limits.ts";
import { describeEachStore } from "../support/each-store.ts";
import { inFull } from "../support/repeats.ts";
import { failureOf } from "../support/rpc-errors.ts";
import { ada } from "../support/server.ts";

const largeUsers = 24;
const { listUsers, scanUsers, batchGetUsers, getUser, identify } = UserService.method;

/** 512 properties of nearly 256 KiB; what a text is made of decides how large they are in JSON. */
function largeProperties(letter: string): Record<string, string> {
  const small = Array.from({ length: 506 }, (_, n) => [`p${n}`, letter.repeat(5)]);
  const large = Array.from({ length: 4 }, (_, n) => [`large ${n}`, letter.repeat(62_000)]);
  return { ...ada, ...Object.fromEntries([...small, ...large]) };
}

/** The second takes six times as much in JSON as in UTF-8; an everyday run has few of its users. */
const letters = ["x", "\u0001"];
const letterOf = (n: number) => letters[n % (inFull ? letters.length : 6)] ?? "x";
const idOf = (n: number) => `${"\\".repeat(200)} ${n}`;

describeEachStore({}, (server, _, choose) => {
  const ids = Array.from({ length: largeUsers }, (_, n) => idOf(n));
  const users = () => createClient(UserService, createGrpcTransport({ baseUrl: server().url }));
  beforeAll(async () => {
    for (const [n, id] of ids.entries()) {
      const letter = letterOf(n);
      const { outcome } = await users().identify({ id, properties: largeProperties(letter) });
      expect(outcome).toBe(Outcome.CREATED);
      await users().setPreferences({ id, preferences: { text: letter.repeat(65_000) } });
    }
  });

  const encodings = ["proto", "json"] as const;

  /** The answer of one unary method, and how many bytes its body has. */
  async function call<Input extends DescMessage, Output extends DescMessage>(
    method: DescMethod & { input: Input; output: Output },
    encoding: (typeof encodings)[number],
    init: MessageInitShape<Input>,
  ): Promise<MessageShape<Output>> {
    const message = create(method.input, init);
    const body = encoding === "json" ? toJsonString(method.input, message) : toBinary(method.input, message);
    const path = `/${method.parent.typeName}/${method.name}`;
    const answer = await new Promise<Buffer>((resolve, reject) => {
      const headers = { "content-type": `application/${encoding}`, "accept-encoding": "identity" };
      const request = httpRequest(
        { port: server().port, host: "127.0.0.1", method: "POST", path, headers },
        (response) => {
          const pieces: Buffer[] = [];
          response.on("data", (piece: Buffer) => pieces.push(piece));
          response.on("end", () => resolve(Buffer.concat(pieces)));
        },
      );
      request.on("error", reject).end(body);
    });
    expect(answer.length).toBeLessThanOrEqual(limits.maxAnswerBytes);
    return encoding === "json"
      ? fromJsonString(method.output, answer.toString("utf8"))
      : fromBinary(method.output, answer);
  }

  describe.each(choose(encodings))("in %s", (encoding) => {
    test.each([listUsers, scanUsers])(
      "a page of $name closes early, and all of them have every user",
      async (method) => {
        const seen: string[] = [];
        let pageToken = "";
        let pages = 0;
        do {
          const request = { pageSize: 1_000, pageToken };
          const page = await (method === scanUsers
            ? call(scanUsers, encoding, request)
            : call(listUsers, encoding, request));
          seen.push(...page.users.map(({ id }) => id));
          pageToken = page.nextPageToken;
          pages++;
        } while (pageToken !== "");
        expect(seen.filter((id) => ids.includes(id)).sort()).toEqual([...ids].sort());
        expect(pages).toBeGreaterThan(2);
      },
    );

    test("users are read together as far as they fit, and at least one of them", async () => {
      const missing = Array.from({ length: 900 }, (_, n) => `${'"'.repeat(240)} ${n}`);
      const found: string[] = [];
      let wanted = [...ids, ...missing];
      let calls = 0;
      while (wanted.length > 0) {
        const answer = await call(batchGetUsers, encoding, { ids: wanted });
        expect(answer.users.length + answer.missingIds.length).toBeGreaterThan(0);
        expect([...answer.users.map(({ id }) => id), ...answer.missingIds, ...answer.unreadIds]).toEqual(wanted);
        found.push(...answer.users.map(({ id }) => id));
        wanted = answer.unreadIds;
        calls++;
      }
      expect(found).toEqual(ids);
      expect(calls).toBeGreaterThan(2);
    });

    test("users of whom few properties are asked for fit into fewer answers", async () => {
      const page = await call(listUsers, encoding, { pageSize: 1_000, onlyProperties: ["name", "p1"] });
      const answer = await call(batchGetUsers, encoding, { ids, onlyProperties: ["name"] });
      // Preferences are always there: about 64 KiB a user.
      expect(page.users.length).toBeGreaterThan(5);
      expect(answer.users.length).toBeGreaterThan(5);
    });

    test.each(ids.slice(0, 2))("a user at the limits is read and merged whole: %#", async (id) => {
      const { user } = await call(getUser, encoding, { id });
      expect(Object.keys(user?.properties ?? {})).toHaveLength(512);
      const changed = { p0: `${encoding} 1`, "large 0": "y".repeat(62_000) };
      const merged = await call(identify, encoding, { id, properties: changed });
      expect(merged).toMatchObject({
        outcome: Outcome.UPDATED,
        user: { properties: { ...user?.properties, ...changed } },
      });
      const unchanged = await call(identify, encoding, { id, properties: merged.user?.properties ?? {} });
      expect(unchanged).toMatchObject({ outcome: Outcome.UNCHANGED, user: { etag: merged.user?.etag } });
      for (const [more, limit] of [
        [{ more: 1 }, "maxProperties"],
        [{ p0: "z".repeat(60_000) }, "maxPropertiesBytes"],
        [{ p0: "z".repeat(65_536) }, "maxValueBytes"],
      ] as const) {
        expect(await failureOf(users().identify({ id, properties: more }))).toMatchObject({
          code: "InvalidArgument",
          reason: "LIMIT_EXCEEDED",
          metadata: { limit, max: String(limits[limit]) },
        });
      }
      expect((await call(getUser, encoding, { id })).user).toEqual(merged.user);
    });
  });

  test("a batch that ignores many names lists as many as fit", async () => {
    const setOnce = Object.fromEntries(Array.from({ length: 25 }, (_, n) => [`${n} ${"n".repeat(124)}`, n]));
    const requests = Array.from({ length: 1_000 }, (_, n) => ({
      id: `${"i".repeat(250)} ${n}`,
      properties: ada,
      setOnce,
    }));
    async function* messages() {
      yield { requests, report: BatchReport.ALL };
      yield { requests, report: BatchReport.ALL };
    }
    const answers = [];
    for await (const answer of users().batchIdentify(messages())) {
      expect(toBinary(UserService.method.batchIdentify.output, answer).length).toBeLessThan(limits.maxAnswerBytes);
      expect(toJsonString(UserService.method.batchIdentify.output, answer).length).toBeLessThan(limits.maxAnswerBytes);
      answers.push(answer);
    }
    expect(answers).toMatchObject([{ created: 1_000 }, { unchanged: 1_000 }]);
    expect(answers[1]?.results[0]?.ignoredProperties).toHaveLength(25);
    expect(answers[1]?.results[999]?.ignoredProperties).toHaveLength(0);
  });
});
