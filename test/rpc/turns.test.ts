import { expect, test } from "vitest";
import { Turns } from "../../src/rpc/guard/turns.ts";

/** Work that has begun, and a turn of the loop that the test starts. */
function started(perTurn: number) {
  const asked: (() => void)[] = [];
  const begun: string[] = [];
  const turns = new Turns(perTurn, (callback) => void asked.push(callback));
  return {
    begun,
    asked,
    async take(name: string, cost: number, signal?: AbortSignal) {
      await turns.take(cost, signal);
      begun.push(name);
    },
    async nextTurn() {
      asked.shift()?.();
      await new Promise(setImmediate);
    },
  };
}

test("work that fits into a turn begins at once", async () => {
  const { take, begun } = started(10);
  await Promise.all([take("a", 4), take("b", 6)]);
  expect(begun).toEqual(["a", "b"]);
});

test("more work begins in the next turns, in order", async () => {
  const { take, begun, nextTurn } = started(10);
  const all = [take("a", 10), take("b", 6), take("c", 6), take("d", 1)];
  await all[0];
  expect(begun).toEqual(["a"]);
  await nextTurn();
  expect(begun).toEqual(["a", "b", "c"]);
  await nextTurn();
  expect(begun).toEqual(["a", "b", "c", "d"]);
});

test("work that is larger than a turn has one to itself", async () => {
  const { take, begun, nextTurn } = started(10);
  const all = [take("a", 1_000), take("b", 1_000), take("c", 1)];
  await all[0];
  await nextTurn();
  expect(begun).toEqual(["a", "b"]);
  await nextTurn();
  expect(begun).toEqual(["a", "b", "c"]);
});

test("no turn is scheduled when nothing waits", async () => {
  const { take, asked, nextTurn } = started(10);
  await take("a", 10);
  await nextTurn();
  expect(asked).toEqual([]);
  await take("b", 10);
  expect(asked).toHaveLength(1);
});

test("aborted work leaves its place to others", async () => {
  const { take, begun, nextTurn } = started(10);
  const gone = new AbortController();
  const all = [take("a", 10), take("b", 10, gone.signal), take("c", 10)];
  gone.abort(new Error("gone"));
  await expect(all[1]).rejects.toThrow("gone");
  await expect(take("d", 10, gone.signal)).rejects.toThrow("gone");
  await nextTurn();
  expect(begun).toEqual(["a", "c"]);
});
