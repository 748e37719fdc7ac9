import { expect, test } from "vitest";
import { Lanes, type LanesOptions } from "../../src/store/lanes/lanes.ts";
import { storeUnavailable } from "../../src/users/errors.ts";

interface Item {
  readonly key: string;
  readonly value: number;
}

/** Lanes over calls that are answered at once; `postpone` says which keys cannot be done yet. */
function openLanes(options: Partial<LanesOptions<Item, string>> = {}) {
  const postponed = new Set<string>();
  const done: string[] = [];
  const lanes = new Lanes<Item, string>({
    lanes: 2,
    laneOf: (key) => key.charCodeAt(0) % 2,
    mixed: false,
    keyOf: ({ key }) => key,
    call: async (items) => items.map((item) => (postponed.has(item.key) ? undefined : finish(item))),
    bytesOf: () => 1,
    maxCallItems: 10,
    maxCallBytes: 100,
    maxWaitingBytes: 100,
    submissionBytes: 0,
    retryMs: 1,
    giveUpMs: 60_000,
    ...options,
  });
  const finish = ({ key, value }: Item) => {
    done.push(`${key}${value}`);
    return `${key}${value}`;
  };
  return { lanes, postponed, done };
}

const items = (...names: readonly string[]) =>
  names.map((name): Item => ({ key: name.slice(0, 1), value: Number(name.slice(1)) }));

test("results are in the order of the items, whichever lane they were in", async () => {
  const { lanes } = openLanes();
  expect(await lanes.submit(items("a1", "b1", "a2", "c1", "b2"))).toEqual(["a1", "b1", "a2", "c1", "b2"]);
});

test("lanes go on side by side, and the items of one key stay in order", async () => {
  const held = Promise.withResolvers<void>();
  const calls: string[][] = [];
  const { lanes } = openLanes({
    call: async (list) => {
      calls.push(list.map(({ key, value }) => `${key}${value}`));
      if (list[0]?.key === "a") await held.promise;
      return list.map(({ key }) => key);
    },
  });
  const both = lanes.submit(items("a1", "b1"));
  await new Promise(setImmediate);
  expect(await lanes.submit(items("b2"))).toEqual(["b"]);
  held.resolve();
  expect(await both).toEqual(["a", "b"]);
  // Keys of even character codes are in the first lane.
  expect(calls).toEqual([["b1"], ["a1"], ["b2"]]);
});

/** Lanes that may share calls, which wait until the test answers them. */
function openMixedLanes() {
  const calls: { names: string; answer: () => void }[] = [];
  const { lanes } = openLanes({
    mixed: true,
    maxCallItems: 4,
    call: (list) =>
      new Promise((resolve) => {
        const names = list.map(({ key, value }) => `${key}${value}`);
        calls.push({ names: names.join(" "), answer: () => resolve(names) });
      }),
  });
  const settle = () => new Promise(setImmediate);
  return { lanes, calls, settle };
}

test("lanes that may share a call do so where little waits", async () => {
  const { lanes, calls, settle } = openMixedLanes();
  const submitted = [lanes.submit(items("a1", "b1"))];
  await settle();
  submitted.push(lanes.submit(items("b2")), lanes.submit(items("a2")));
  await settle();
  expect(calls.map(({ names }) => names)).toEqual(["b1 a1"]);
  calls[0]?.answer();
  await settle();
  calls[1]?.answer();
  expect(await Promise.all(submitted)).toEqual([["a1", "b1"], ["b2"], ["a2"]]);
  expect(calls.map(({ names }) => names.split(" ").sort())).toEqual([
    ["a1", "b1"],
    ["a2", "b2"],
  ]);
});

test("a lane in which enough waits has a call of its own beside another's", async () => {
  const { lanes, calls, settle } = openMixedLanes();
  const first = lanes.submit(items("b1"));
  await settle();
  const second = lanes.submit(items("a1", "a2", "c1"));
  await settle();
  expect(calls.map(({ names }) => names)).toEqual(["b1", "a1 a2 c1"]);
  for (const { answer } of calls) answer();
  expect(await Promise.all([first, second])).toEqual([["b1"], ["a1", "a2", "c1"]]);
});

test("a lane in which little waits has its turn though others never rest", async () => {
  const { lanes, calls, settle } = openMixedLanes();
  const busy = Array.from({ length: 6 }, (_, at) => lanes.submit(items(`b${at}`, `d${at}`, `f${at}`, `h${at}`)));
  await settle();
  const little = lanes.submit(items("a0"));
  for (let at = 0; at < 3; at++) {
    await settle();
    calls.at(-1)?.answer();
  }
  await settle();
  expect(calls.some(({ names }) => names.includes("a0"))).toBe(true);
  expect(calls.length).toBeLessThan(6);
  for (let at = 0; at < calls.length; at++) {
    calls[at]?.answer();
    await settle();
  }
  expect(await little).toEqual(["a0"]);
  await Promise.all(busy);
});

test("what fails in one lane is taken back from the others, once none is under way", async () => {
  const held = Promise.withResolvers<void>();
  const calls: string[] = [];
  const { lanes } = openLanes({
    maxCallItems: 1,
    call: async ([item]) => {
      calls.push(`${item?.key}${item?.value}`);
      if (item?.key === "a") throw storeUnavailable();
      await held.promise;
      return ["done"];
    },
  });
  const submitted = lanes.submit(items("b1", "b2", "a1"));
  const seen: string[] = [];
  submitted.catch(() => seen.push("failed"));
  await lanes.submit(items("c1")).catch(() => {});
  await new Promise(setImmediate);
  expect(seen).toEqual([]);
  held.resolve();
  await expect(submitted).rejects.toMatchObject({ reason: "STORE_UNAVAILABLE" });
  await lanes.idle();
  expect(calls.sort()).toEqual(["a1", "b1"]);
});

test("all lanes share what may wait", async () => {
  const held = Promise.withResolvers<void>();
  const { lanes } = openLanes({
    maxWaitingBytes: 2,
    call: async (list) => {
      await held.promise;
      return list.map(() => "done");
    },
  });
  const underWay = lanes.submit(items("a1", "b1"));
  await new Promise(setImmediate);
  const waiting = lanes.submit(items("a2", "b2"));
  await new Promise(setImmediate);
  await expect(lanes.submit(items("a3"))).rejects.toMatchObject({ reason: "OVERLOADED" });
  held.resolve();
  await Promise.all([underWay, waiting]);
  expect(await lanes.submit(items("a4"))).toEqual(["done"]);
});

test("what cannot be done yet is tried again, and holds up its own key alone", async () => {
  const { lanes, postponed, done } = openLanes();
  postponed.add("a");
  const first = lanes.submit(items("a1", "c1"));
  const second = lanes.submit(items("a2", "c2"));
  expect(await lanes.submit(items("c3"))).toEqual(["c3"]);
  expect(done).toEqual(["c1", "c2", "c3"]);
  postponed.clear();
  expect(await Promise.all([first, second])).toEqual([
    ["a1", "c1"],
    ["a2", "c2"],
  ]);
  expect(done).toEqual(["c1", "c2", "c3", "a1", "a2"]);
});

test("what cannot be done yet is tried again where the lane never rests", async () => {
  let blocked = true;
  let resting = false;
  const { lanes } = openLanes({
    lanes: 1,
    laneOf: () => 0,
    mixed: false,
    call: async (list) => {
      if (!resting) void lanes.submit(items("c1"));
      await new Promise(setImmediate);
      return list.map(({ key }) => (key === "a" && blocked ? undefined : key));
    },
  });
  const first = lanes.submit(items("a1"));
  await lanes.submit(items("c2"));
  blocked = false;
  expect(await first).toEqual(["a"]);
  resting = true;
  await lanes.idle();
});

test("what cannot be done for too long is STORE_UNAVAILABLE, and leaves its room to others", async () => {
  const { lanes, postponed, done } = openLanes({ giveUpMs: 5, maxWaitingBytes: 2 });
  postponed.add("a");
  await expect(lanes.submit(items("a1", "a2"))).rejects.toMatchObject({ reason: "STORE_UNAVAILABLE" });
  await lanes.idle();
  postponed.clear();
  expect(await lanes.submit(items("a3", "a4"))).toEqual(["a3", "a4"]);
  expect(done).toEqual(["a3", "a4"]);
});

test("a caller that gives up takes back what cannot be done yet", async () => {
  const { lanes, postponed, done } = openLanes();
  postponed.add("a");
  const caller = new AbortController();
  const given = lanes.submit(items("a1"), { signal: caller.signal });
  await expect(Promise.race([given, lanes.submit(items("c1")).then(() => "other")])).resolves.toBe("other");
  caller.abort(new Error("gave up"));
  await expect(given).rejects.toThrow("gave up");
  await lanes.idle();
  postponed.clear();
  expect(await lanes.submit(items("a2"))).toEqual(["a2"]);
  expect(done).toEqual(["c1", "a2"]);
});
