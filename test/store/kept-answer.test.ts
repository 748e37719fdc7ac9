import { expect, test } from "vitest";
import { KeptAnswer } from "../../src/store/lanes/kept-answer.ts";

/** Each fetch waits until it is settled by its number. */
function fetches() {
  const under = [Promise.withResolvers<string>(), Promise.withResolvers<string>(), Promise.withResolvers<string>()];
  let begun = 0;
  const fetch = () => under[begun++]?.promise ?? Promise.reject(new Error("too many"));
  return { under, fetch, begun: () => begun };
}

test("callers that ask meanwhile, or while it is kept, get one answer", async () => {
  const { under, fetch, begun } = fetches();
  let now = 0;
  const kept = new KeptAnswer(fetch, 100, () => now);
  const both = Promise.all([kept.ask(), kept.ask(new AbortController().signal)]);
  now = 1_000;
  const third = kept.ask();
  under[0]?.resolve("first");
  expect(await both).toEqual(["first", "first"]);
  expect(await third).toBe("first");
  now = 1_099;
  expect(await kept.ask()).toBe("first");
  expect(begun()).toBe(1);
  now = 1_100;
  under[1]?.resolve("second");
  expect(await kept.ask()).toBe("second");
  expect(begun()).toBe(2);
});

test("a failure reaches all that wait, and the next caller asks anew", async () => {
  const { under, fetch, begun } = fetches();
  const kept = new KeptAnswer(fetch, 100, () => 0);
  const waiting = [kept.ask(), kept.ask()];
  under[0]?.reject(new Error("away"));
  for (const each of await Promise.allSettled(waiting)) expect(each).toMatchObject({ reason: { message: "away" } });
  under[1]?.resolve("back");
  expect(await kept.ask()).toBe("back");
  expect(begun()).toBe(2);
});

test("a caller that gives up leaves the others waiting", async () => {
  const { under, fetch } = fetches();
  const kept = new KeptAnswer(fetch, 100, () => 0);
  const leaving = new AbortController();
  const [left, stays] = [kept.ask(leaving.signal), kept.ask()];
  leaving.abort(new Error("gone"));
  await expect(left).rejects.toThrow("gone");
  under[0]?.resolve("answer");
  expect(await stays).toBe("answer");
  await expect(kept.ask(leaving.signal)).rejects.toThrow("gone");
});
