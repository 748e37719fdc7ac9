import { expect, test } from "vitest";
import { Lanes, type LanesOptions } from "../../src/store/lanes/lanes.ts";
import { storeFull, storeUnavailable } from "../../src/users/errors.ts";

/** A lane whose calls wait until the test answers them; results are the items in capitals. */
function heldLane(options: Partial<LanesOptions<string, string>> = {}) {
  const calls: { items: readonly string[]; answer: () => void; fail: (error: Error) => void }[] = [];
  const lane = new Lanes<string, string>({
    lanes: 1,
    laneOf: () => 0,
    mixed: false,
    keyOf: (item) => item,
    submissionBytes: 0,
    retryMs: 1,
    giveUpMs: 60_000,
    call: (items) =>
      new Promise((resolve, reject) => {
        calls.push({ items, answer: () => resolve(items.map((item) => item.toUpperCase())), fail: reject });
      }),
    bytesOf: (item) => item.length,
    maxCallItems: 3,
    maxCallBytes: 100,
    maxWaitingBytes: 1_000,
    ...options,
  });
  /** Lets what has been set going go as far as it can. */
  const settle = () => new Promise(setImmediate);
  const answerAll = async () => {
    for (let at = 0; ; at++) {
      await settle();
      if (calls[at] === undefined) return;
      calls[at]?.answer();
    }
  };
  return { lane, calls, settle, answerAll };
}

test("what arrives while a call is under way travels together, in order", async () => {
  const { lane, calls, settle, answerAll } = heldLane();
  const first = lane.submit(["a"]);
  await settle();
  const others = [lane.submit(["b"]), lane.submit(["c"])];
  await settle();
  expect(calls.map(({ items }) => items)).toEqual([["a"]]);
  await answerAll();
  expect(calls.map(({ items }) => items)).toEqual([["a"], ["b", "c"]]);
  expect(await Promise.all([first, ...others])).toEqual([["A"], ["B"], ["C"]]);
});

test("what arrives in one tick travels together from the start", async () => {
  const { lane, calls, answerAll } = heldLane();
  const answers = Promise.all([lane.submit(["a"]), lane.submit(["b"])]);
  await answerAll();
  expect(calls).toHaveLength(1);
  expect(await answers).toEqual([["A"], ["B"]]);
});

test("a call is bounded in items and in bytes, and a large item goes alone", async () => {
  const { lane, calls, answerAll } = heldLane({ maxCallBytes: 5 });
  const answer = lane.submit(["a", "b", "c", "d", "ee", "ffff", "gggggggg", "h"]);
  await answerAll();
  expect(calls.map(({ items }) => items)).toEqual([["a", "b", "c"], ["d", "ee"], ["ffff"], ["gggggggg"], ["h"]]);
  expect(await answer).toEqual(["A", "B", "C", "D", "EE", "FFFF", "GGGGGGGG", "H"]);
});

test("single calls and imports have their turn, however much waits of the other, and each keeps its order", async () => {
  const { lane, calls, settle, answerAll } = heldLane({ maxCallItems: 4 });
  const underWay = lane.submit(["a"]);
  await settle();
  const answers = [
    lane.submit(["i1", "i2", "i3", "i4", "i5"], { priority: "import" }),
    lane.submit(["i6"], { priority: "import" }),
    lane.submit(["s1"]),
    lane.submit(["s2"]),
    lane.submit(["s3"]),
  ];
  await answerAll();
  expect(calls.map(({ items }) => items)).toEqual([["a"], ["i1", "s1", "i2", "s2"], ["i3", "s3", "i4", "i5"], ["i6"]]);
  expect(await Promise.all([underWay, ...answers])).toEqual([
    ["A"],
    ["I1", "I2", "I3", "I4", "I5"],
    ["I6"],
    ["S1"],
    ["S2"],
    ["S3"],
  ]);
});

test("items too large to share a call are taken from single calls and imports in turn", async () => {
  const { lane, calls, settle, answerAll } = heldLane({ maxCallBytes: 2 });
  const answers = [lane.submit(["a"])];
  await settle();
  for (const n of [1, 2]) answers.push(lane.submit([`s${n}s`]), lane.submit([`i${n}i`], { priority: "import" }));
  await answerAll();
  expect(calls.map(({ items }) => items)).toEqual([["a"], ["i1i"], ["s1s"], ["i2i"], ["s2s"]]);
  await Promise.all(answers);
});

test("more than may wait is OVERLOADED, and there is room again afterwards", async () => {
  const { lane, settle, answerAll } = heldLane({ maxWaitingBytes: 4 });
  const underWay = lane.submit(["a"]);
  await settle();
  const waiting = lane.submit(["bbb"]);
  await expect(lane.submit(["cc"])).rejects.toMatchObject({ reason: "OVERLOADED" });
  await answerAll();
  expect(await Promise.all([underWay, waiting])).toEqual([["A"], ["BBB"]]);
  const later = lane.submit(["cc"]);
  await settle();
  await answerAll();
  await lane.idle();
  expect(await later).toEqual(["CC"]);
});

test("a caller that gives up takes back what is not under way", async () => {
  const { lane, calls, settle, answerAll } = heldLane();
  const caller = new AbortController();
  const underWay = lane.submit(["a"], { signal: caller.signal });
  await settle();
  const waiting = lane.submit(["b"], { signal: caller.signal });
  const other = lane.submit(["c"]);
  caller.abort(new Error("gave up"));
  await expect(underWay).rejects.toThrow("gave up");
  await expect(waiting).rejects.toThrow("gave up");
  await expect(lane.submit(["d"], { signal: caller.signal })).rejects.toThrow("gave up");
  await answerAll();
  expect(calls.map(({ items }) => items)).toEqual([["a"], ["c"]]);
  expect(await other).toEqual(["C"]);
});

test("a caller that gives up takes back the rest of what is under way in part", async () => {
  const { lane, calls, settle, answerAll } = heldLane();
  const caller = new AbortController();
  const large = lane.submit(["a", "b", "c", "never"], { signal: caller.signal });
  await settle();
  const other = lane.submit(["d"]);
  caller.abort(new Error("gave up"));
  await expect(large).rejects.toThrow("gave up");
  await answerAll();
  expect(calls.map(({ items }) => items)).toEqual([["a", "b", "c"], ["d"]]);
  expect(await other).toEqual(["D"]);
});

test("what is taken back leaves its room to others", async () => {
  const { lane, settle, answerAll } = heldLane({ maxWaitingBytes: 4 });
  const caller = new AbortController();
  const underWay = lane.submit(["a"]);
  await settle();
  const first = lane.submit(["b"]);
  const takenBack = lane.submit(["ccc"], { signal: caller.signal });
  caller.abort(new Error("gave up"));
  await expect(takenBack).rejects.toThrow("gave up");
  const next = lane.submit(["ddd"]);
  await expect(lane.submit(["e"])).rejects.toMatchObject({ reason: "OVERLOADED" });
  await answerAll();
  expect(await Promise.all([underWay, first, next])).toEqual([["A"], ["B"], ["DDD"]]);
});

test("a failed call fails whoever has items in it, and takes the rest of their items back", async () => {
  const { lane, calls, settle, answerAll } = heldLane();
  const failed = lane.submit(["a", "b", "c", "never"]);
  await settle();
  const later = lane.submit(["d"]);
  calls[0]?.fail(storeFull());
  await expect(failed).rejects.toMatchObject({ reason: "STORE_FULL" });
  await settle();
  calls[1]?.answer();
  await answerAll();
  expect(calls.map(({ items }) => items)).toEqual([["a", "b", "c"], ["d"]]);
  expect(await later).toEqual(["D"]);
});

test("a failed call fails every submission in it, and none that was answered before or comes after", async () => {
  const { lane, calls, settle } = heldLane();
  const answers = ["a", "b", "c", "d"].map((item) => lane.submit([item]));
  await settle();
  const more = lane.submit(["e"]);
  calls[0]?.answer();
  await settle();
  expect(calls[1]?.items).toEqual(["d", "e"]);
  const after = lane.submit(["f"]);
  const outcomes = Promise.allSettled([...answers, more, after]);
  calls[1]?.fail(storeFull());
  await settle();
  calls[2]?.answer();
  expect((await outcomes).map(({ status }) => status)).toEqual([
    ...["fulfilled", "fulfilled", "fulfilled"],
    ...["rejected", "rejected"],
    "fulfilled",
  ]);
});

test("a lane is idle once nothing waits or is under way", async () => {
  const { lane, calls, settle } = heldLane();
  await lane.idle();
  let idle = false;
  const answers = Promise.all([lane.submit(["a", "b", "c"]), lane.submit(["d"])]);
  const becameIdle = lane.idle().then(() => {
    idle = true;
  });
  for (const at of [0, 1]) {
    await settle();
    expect(calls).toHaveLength(at + 1);
    expect(idle).toBe(false);
    calls[at]?.answer();
  }
  await becameIdle;
  expect(await answers).toEqual([["A", "B", "C"], ["D"]]);
});

test("a store that is away fails what waits for it too, and serves what comes afterwards", async () => {
  const { lane, calls, settle } = heldLane();
  const underWay = lane.submit(["a"]);
  await settle();
  const waiting = lane.submit(["b"]);
  calls[0]?.fail(storeUnavailable());
  for (const promise of [underWay, waiting]) {
    await expect(promise).rejects.toMatchObject({ reason: "STORE_UNAVAILABLE" });
  }
  const later = lane.submit(["c"]);
  await settle();
  calls[1]?.answer();
  expect(await later).toEqual(["C"]);
});

test("an empty submission is answered at once", async () => {
  expect(await heldLane().lane.submit([])).toEqual([]);
});
