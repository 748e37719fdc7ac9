/**
 * What somebody searches for is nowhere in what the server logs, measures and traces: not in the answers of finds, counts and scans,
 * not in their refusals, and not as a page token.
 */
import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { describeEachStore } from "../support/each-store.ts";
import { personal, personalDataIn } from "../support/personal-data.ts";
import { failureOf } from "../support/rpc-errors.ts";
import { carriers, quickClients } from "./exchanges/carriers.ts";
import { closeClients } from "./exchanges/grpc-js.ts";

afterAll(closeClients);

const sought = personal("Zebediah Quillfeather");
const secretPlan = personal("plan of the confidential kind");
const longValue = personal("Zacharias".repeat(60));
const people = ["first", "second", "third"].map((name) => personal(`person-called-${name}`));
const email = "zebediah@example.com";
const number = 8_123_456_789_123;

const equals = (property: string, value: JsonValue) => ({
  ...{ property, condition: { case: "equals" as const, value: fromJson(ValueSchema, value) } },
});
const startsWith = (property: string, value: string) => ({
  ...{ property, condition: { case: "startsWith" as const, value } },
});

type Users = ReturnType<typeof createClient<typeof UserService>>;
/** Searches that succeed, and the tokens of their pages. */
const searches: readonly ((users: Users) => Promise<object>)[] = [
  (users) => users.findUsers({ match: equals("email", email.toUpperCase()), pageSize: 1 }),
  (users) => users.findUsers({ match: startsWith("name", sought.slice(0, -3)), pageSize: 2 }),
  (users) => users.findUsers({ match: { property: "plan", condition: { case: "present", value: true } }, pageSize: 1 }),
  (users) => users.findUsers({ match: equals("number", number), pageSize: 1 }),
  (users) => users.countUsers({ match: equals("plan", secretPlan) }),
  (users) => users.countUsers({ match: startsWith("email", email) }),
  (users) => users.scanUsers({ where: { properties: { name: sought } }, pageSize: 1 }),
  (users) => users.scanUsers({ where: { properties: { email, plan: secretPlan, number } } }),
];
/** Searches that are refused for what they look for. */
const refusals: readonly ((users: Users, tokens: readonly string[]) => Promise<unknown>)[] = [
  (users) => users.findUsers({ match: equals("nothing is indexed", sought) }),
  (users) => users.countUsers({ match: startsWith("nothing is indexed", sought) }),
  (users) => users.findUsers({ match: equals("email", longValue) }),
  (users) => users.findUsers({ match: equals("email", [sought]) }),
  (users) => users.countUsers({ match: equals("email", { [sought]: email }) }),
  (users) => users.scanUsers({ where: { properties: { "": sought } } }),
  (users) => users.scanUsers({ where: { properties: { name: `${sought}${"x".repeat(70_000)}` } } }),
  (users, tokens) => users.scanUsers({ pageToken: `${tokens[0]}x` }),
  (users, tokens) => users.listUsers({ pageToken: tokens[0] ?? "" }),
  (users) =>
    users.findUsers({ match: equals("email", email), pageToken: personal(Buffer.from(sought).toString("base64url")) }),
];

describeEachStore({ indexed: "email:fold,name,plan,number" }, (server, _, choose) => {
  const tokens: string[] = [];
  beforeAll(async () => {
    const [carrier] = carriers;
    const users = createClient(UserService, (carrier ?? expect.fail("no carrier")).connect(server().url));
    for (const id of people) {
      await users.identify({ id, properties: { name: sought, email, plan: secretPlan, number } });
    }
  });

  describe.each(choose(carriers.filter(quickClients)))("through $name", ({ connect }) => {
    test("no search and no refusal of one is told", async () => {
      const users = createClient(UserService, connect(server().url));
      const before = server().logs.length;
      for (const search of searches) {
        const answer = await search(users);
        const token = "nextPageToken" in answer ? String(answer.nextPageToken) : "";
        if (token !== "") tokens.push(personal(token));
      }
      expect(tokens.length).toBeGreaterThan(searches.length / 2);
      for (const refusal of refusals) {
        const { message, violations, metadata } = await failureOf(refusal(users, tokens));
        expect(personalDataIn(JSON.stringify([message, violations, metadata]))).toBeUndefined();
      }
      const told = server()
        .logs.slice(before)
        .filter(({ msg }) => msg === "request");
      expect(told.length, "the log has a line for each").toBeGreaterThanOrEqual(searches.length + refusals.length);
    });
  });

  test("no search in a URL is told, and none is answered", async () => {
    for (const method of ["FindUsers", "CountUsers", "ScanUsers"]) {
      const message = JSON.stringify({ match: { property: "email", equals: sought } });
      const url = `${server().url}/rollcall.v1.UserService/${method}`;
      const answer = await fetch(`${url}?connect=v1&encoding=json&message=${encodeURIComponent(message)}`);
      expect(answer.status).toBe(405);
      expect(personalDataIn(await answer.text())).toBeUndefined();
    }
  });

  test("no metric has a value, an id or a token", async () => {
    const metrics = await server().metrics();
    expect(metrics).toContain("UserService/ScanUsers");
    expect(personalDataIn(metrics)).toBeUndefined();
  });
});
