import { expect, test } from "vitest";
import { Semaphore } from "../../src/rpc/guard/semaphore.ts";

const never = new AbortController().signal;

/** Work that ends when it is told to, and takes note of when it began. */
function workIn(room: Semaphore, began: string[]) {
  return (name: string, bytes: number, signal = never) => {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const done = room.run(bytes, signal, () => {
      began.push(name);
      return promise;
    });
    return { done, end: () => resolve(name), fail: reject };
  };
}

test("work begins in the order in which it came, as far as there is room", async () => {
  const room = new Semaphore(100);
  const began: string[] = [];
  const work = workIn(room, began);
  const [a, b, c, d] = [work("a", 60), work("b", 40), work("c", 50), work("d", 10)];
  // d would fit once b has ended, and does not overtake c.
  expect(began).toEqual(["a", "b"]);
  expect([room.used, room.waiting]).toEqual([100, 2]);
  b.end();
  expect(await b.done).toBe("b");
  expect(began).toEqual(["a", "b"]);
  a.end();
  await a.done;
  expect(began).toEqual(["a", "b", "c", "d"]);
  c.end();
  d.end();
  await Promise.all([c.done, d.done]);
  expect([room.used, room.waiting]).toEqual([0, 0]);
});

test("work that needs more than there is has all of it for itself", async () => {
  const room = new Semaphore(100);
  const began: string[] = [];
  const work = workIn(room, began);
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

test("work that fails gives its room back", async () => {
  const room = new Semaphore(100);
  const began: string[] = [];
  const work = workIn(room, began);
  const failing = work("failing", 100);
  const next = work("next", 100);
  failing.fail(new Error("no"));
  await expect(failing.done).rejects.toThrow("no");
  expect(began).toEqual(["failing", "next"]);
  next.end();
  await next.done;
  expect(room.used).toBe(0);
});

test("who waits no longer does not hold up the others", async () => {
  const room = new Semaphore(100);
  const began: string[] = [];
  const work = workIn(room, began);
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
  expect([room.used, room.waiting]).toEqual([0, 0]);
});
