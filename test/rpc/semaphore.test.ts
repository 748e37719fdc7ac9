import { expect, test } from "vitest";
import { Semaphore } from "../../src/rpc/guard/semaphore.ts";

const never = new AbortController().signal;

/** Work that ends when the test says so, and records that it began. */
function workIn(semaphore: Semaphore, began: string[]) {
  return (name: string, bytes: number, signal = never) => {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const done = semaphore.run(bytes, signal, () => {
      began.push(name);
      return promise;
    });
    return { done, end: () => resolve(name), fail: reject };
  };
}

test("work begins in the order of arrival, within the limit", async () => {
  const semaphore = new Semaphore(100);
  const began: string[] = [];
  const work = workIn(semaphore, began);
  const [a, b, c, d] = [work("a", 60), work("b", 40), work("c", 50), work("d", 10)];
  // d would fit once b has ended, and does not overtake c.
  expect(began).toEqual(["a", "b"]);
  expect([semaphore.used, semaphore.waiting]).toEqual([100, 2]);
  b.end();
  expect(await b.done).toBe("b");
  expect(began).toEqual(["a", "b"]);
  a.end();
  await a.done;
  expect(began).toEqual(["a", "b", "c", "d"]);
  c.end();
  d.end();
  await Promise.all([c.done, d.done]);
  expect([semaphore.used, semaphore.waiting]).toEqual([0, 0]);
});

test("work beyond the limit runs alone", async () => {
  const semaphore = new Semaphore(100);
  const began: string[] = [];
  const work = workIn(semaphore, began);
  const small = work("small", 1);
  const large = work("large", 1_000);
  const next = work("next", 1);
  expect(began).toEqual(["small"]);
  small.end();
  await small.done;
  expect(began).toEqual(["small", "large"]);
  large.end();
  await large.done;
  expect(began).toEqual(["small", "large", "next"]);
  next.end();
  await next.done;
});

test("work that fails releases its units", async () => {
  const semaphore = new Semaphore(100);
  const began: string[] = [];
  const work = workIn(semaphore, began);
  const failing = work("failing", 100);
  const next = work("next", 100);
  failing.fail(new Error("no"));
  await expect(failing.done).rejects.toThrow("no");
  expect(began).toEqual(["failing", "next"]);
  next.end();
  await next.done;
  expect(semaphore.used).toBe(0);
});

test("aborted work does not block the others", async () => {
  const semaphore = new Semaphore(100);
  const began: string[] = [];
  const work = workIn(semaphore, began);
  const first = work("first", 90);
  const gone = new AbortController();
  const waiting = work("waiting", 50, gone.signal);
  const small = work("small", 10);
  expect(began).toEqual(["first"]);
  gone.abort(new Error("gone"));
  await expect(waiting.done).rejects.toThrow("gone");
  expect(began).toEqual(["first", "small"]);
  await expect(work("late", 50, gone.signal).done).rejects.toThrow("gone");
  first.end();
  small.end();
  await Promise.all([first.done, small.done]);
  expect([semaphore.used, semaphore.waiting]).toEqual([0, 0]);
});
