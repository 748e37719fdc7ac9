import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { orderedPipeline } from "../../src/rpc/ordered-pipeline.ts";

const never = new AbortController().signal;
const settle = () => new Promise(setImmediate);

async function* inputs(...items: string[]) {
  yield* items;
}

/** All outputs, and the error that ended them. */
async function drain(outputs: AsyncIterable<string>): Promise<{ answers: string[]; error?: string }> {
  const answers: string[] = [];
  try {
    for await (const output of outputs) answers.push(output);
    return { answers };
  } catch (error) {
    return { answers, error: String(error) };
  }
}

test("outputs come in the order of the inputs, whichever is done first", async () => {
  const order: string[] = [];
  const work = async (input: string) => {
    for (let turns = { a: 3, b: 1, c: 2 }[input] ?? 0; turns > 0; turns--) await settle();
    order.push(input);
    return input.toUpperCase();
  };
  const outputs = orderedPipeline(inputs("a", "b", "c"), work, { maxInFlight: 3, stop: never });
  expect(await drain(outputs)).toEqual({ answers: ["A", "B", "C"] });
  expect(order).toEqual(["b", "c", "a"]);
});

test("no more than the limit is read before an output is taken", async () => {
  let read = 0;
  async function* endless() {
    for (;;) {
      read++;
      yield "x";
    }
  }
  const outputs = orderedPipeline(endless(), async (input) => input, { maxInFlight: 4, stop: never });
  await outputs.next();
  await settle();
  expect(read).toBeLessThanOrEqual(5);
  await outputs.next();
  await settle();
  expect(read).toBeLessThanOrEqual(6);
  await outputs.return(undefined);
});

test("no more than the limit is read or worked on while nothing is done", async () => {
  let read = 0;
  async function* endless() {
    for (;;) yield String(read++);
  }
  const done: (() => void)[] = [];
  const work = (input: string) => new Promise<string>((resolve) => done.push(() => resolve(input)));
  const outputs = orderedPipeline(endless(), work, { maxInFlight: 3, stop: never });
  const first = outputs.next();
  await settle();
  expect({ read, begun: done.length }).toEqual({ read: 3, begun: 3 });
  // The second output waits for the first, so nothing more is read.
  done[1]?.();
  await settle();
  expect({ read, begun: done.length }).toEqual({ read: 3, begun: 3 });
  done[0]?.();
  expect(await first).toEqual({ value: "0", done: false });
  expect(await outputs.next()).toEqual({ value: "1", done: false });
  const third = outputs.next();
  await settle();
  expect({ read, begun: done.length }).toEqual({ read: 5, begun: 5 });
  done[2]?.();
  expect(await third).toEqual({ value: "2", done: false });
  await outputs.return(undefined);
});

test("a refused input ends the output after the earlier ones, and later inputs are not worked on", async () => {
  const worked: string[] = [];
  const work = (input: string) => {
    if (input === "bad") throw new Error("refused");
    worked.push(input);
    return settle().then(() => input);
  };
  const outputs = orderedPipeline(inputs("a", "b", "bad", "c"), work, { maxInFlight: 4, stop: never });
  expect(await drain(outputs)).toEqual({ answers: ["a", "b"], error: "Error: refused" });
  expect(worked).toEqual(["a", "b"]);
});

test("an unreadable input ends the output after the earlier ones", async () => {
  async function* broken() {
    yield "a";
    throw new Error("unreadable");
  }
  const work = (input: string) => settle().then(() => input);
  const outputs = orderedPipeline(broken(), work, { maxInFlight: 4, stop: never });
  expect(await drain(outputs)).toEqual({ answers: ["a"], error: "Error: unreadable" });
});

test("work that fails ends the output at its place", async () => {
  const work = async (input: string) => {
    await settle();
    if (input !== "a") throw new Error(`${input} failed`);
    return input;
  };
  const outputs = orderedPipeline(inputs("a", "b", "c"), work, { maxInFlight: 4, stop: never });
  expect(await drain(outputs)).toEqual({ answers: ["a"], error: "Error: b failed" });
});

test("a failure after the end of the output is not an unhandled rejection", async () => {
  const unhandled: unknown[] = [];
  const onUnhandled = (reason: unknown) => unhandled.push(reason);
  process.on("unhandledRejection", onUnhandled);
  const late = Promise.withResolvers<string>();
  const reading = Promise.withResolvers<IteratorResult<string>>();
  const items = ["a", "b"];
  const source: AsyncIterable<string> = {
    [Symbol.asyncIterator]: () => ({
      next: async () => {
        const value = items.shift();
        return value === undefined ? reading.promise : { value, done: false };
      },
      return: () => Promise.reject(new Error("cannot be closed")),
    }),
  };
  const work = (input: string) => (input === "a" ? settle().then(() => failed()) : late.promise);
  const failed = () => Promise.reject(new Error("a failed"));
  const outputs = orderedPipeline(source, work, { maxInFlight: 4, stop: never });
  expect(await drain(outputs)).toEqual({ answers: [], error: "Error: a failed" });
  late.reject(new Error("b failed"));
  reading.reject(new Error("unreadable"));
  await settle();
  await settle();
  process.off("unhandledRejection", onUnhandled);
  expect(unhandled).toEqual([]);
});

test("outputs that were taken are not retained, however long the stream lives", async () => {
  setFlagsFromString("--expose-gc");
  const collectGarbage: () => void = runInNewContext("gc");
  const seen: WeakRef<object>[] = [];
  async function* large() {
    for (let n = 0; ; n++) {
      const input = { n };
      seen.push(new WeakRef(input));
      yield input;
    }
  }
  const work = (input: { n: number }) => settle().then(() => ({ output: input.n }));
  const outputs = orderedPipeline(large(), work, { maxInFlight: 4, stop: never });
  for (let n = 0; n < 500; n++) await outputs.next();
  await settle();
  collectGarbage();
  expect(seen.filter((reference) => reference.deref() !== undefined).length).toBeLessThan(20);
  await outputs.return(undefined);
});

test("after a stop, inputs under way are answered, and the output ends with its reason", async () => {
  const stop = new AbortController();
  const answer = Promise.withResolvers<void>();
  async function* waiting() {
    yield "a";
    await new Promise(() => {});
  }
  const work = (input: string) => answer.promise.then(() => input);
  const outcome = drain(orderedPipeline(waiting(), work, { maxInFlight: 4, stop: stop.signal }));
  await settle();
  stop.abort(new Error("stopping"));
  await settle();
  answer.resolve();
  expect(await outcome).toEqual({ answers: ["a"], error: "Error: stopping" });
});

test("after a stop, inputs that arrive are not worked on", async () => {
  const stop = new AbortController();
  const answer = Promise.withResolvers<void>();
  const arrival = Promise.withResolvers<void>();
  const worked: string[] = [];
  async function* late() {
    yield "a";
    await arrival.promise;
    yield "b";
  }
  const work = (input: string) => {
    worked.push(input);
    return answer.promise.then(() => input);
  };
  const outcome = drain(orderedPipeline(late(), work, { maxInFlight: 4, stop: stop.signal }));
  await settle();
  stop.abort(new Error("stopping"));
  arrival.resolve();
  await settle();
  answer.resolve();
  expect(await outcome).toEqual({ answers: ["a"], error: "Error: stopping" });
  expect(worked).toEqual(["a"]);
});

test("an earlier stop ends the output without reading anything", async () => {
  let read = 0;
  async function* counted() {
    read++;
    yield "a";
  }
  const stop = AbortSignal.abort(new Error("stopping"));
  const outputs = orderedPipeline(counted(), async (input) => input, { maxInFlight: 4, stop });
  expect(await drain(outputs)).toEqual({ answers: [], error: "Error: stopping" });
  expect(read).toBe(0);
});
