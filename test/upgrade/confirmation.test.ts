/** Stores that 0.1 cannot have written to get their first feature without a confirmation. */
import { expect, onTestFinished, test } from "vitest";
import { createRollcallClient } from "../../src/client/index.ts";
import { ada, startTestServer } from "../support/server.ts";
import { emptyStores, starts } from "./both-versions.ts";
import { config, featuresOf } from "./features.ts";

test.each([
  ["SQLite", "that 0.2 made"],
  ["SQLite", "in which 0.1 has left no user"],
  ["Redis", "that 0.2 made"],
  ["Redis", "in which 0.1 has left no user"],
] as const)("a store in %s %s asks for none", async (name, which) => {
  const store = await emptyStores[name]();
  if (which.includes("0.1")) expect(await (await starts.old(store)).stop()).toBe(0);
  const server = await startTestServer({ store });
  onTestFinished(() => server.stop());
  const users = createRollcallClient(server.url);
  await users.identify({ id: "u", properties: { ...ada } });
  expect(await config(store, "enable", "rehearsal")).toMatchObject({ status: 0, answer: { changed: true } });
  expect(await featuresOf([users], 1)).toEqual([["rehearsal"]]);
});
