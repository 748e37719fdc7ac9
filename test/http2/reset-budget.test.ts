import { expect, test } from "vitest";
import { ResetBudget, resetBurst } from "../../src/http2/reset-budget.ts";

function budget() {
  const clock = { now: 0 };
  const made = new ResetBudget(() => clock.now);
  /** How many calls may be reset, up to a limit. */
  const resets = (most: number, ageMs = 0) => {
    let count = 0;
    while (count < most && made.reset(ageMs)) count++;
    return count;
  };
  return { clock, made, resets };
}

test("without answers, a hundred rapid resets are free, and twenty a second", () => {
  const { clock, made, resets } = budget();
  expect(resets(1_000)).toBe(100);
  clock.now = 1_000;
  expect(resets(1_000)).toBe(20);
  expect(made.isFlood).toBe(true);
});

test("time without resets earns no more than what is free at once", () => {
  const { clock, made, resets } = budget();
  clock.now = 60_000;
  expect(resets(1_000)).toBe(100);
  for (let at = 0; at < 5_000; at++) made.answered();
  clock.now = 120_000;
  expect(resets(10_000)).toBe(100 + 1_024);
  clock.now = 180_000;
  expect(resets(10_000, 60_000)).toBe(resetBurst);
});

test("each answer earns four", () => {
  const { made, resets } = budget();
  for (let at = 0; at < 10; at++) made.answered();
  expect(resets(1_000)).toBe(140);
  expect(made.isFlood).toBe(false);
});

test("answers earn no more in advance than one for each call that can be under way", () => {
  const { made, resets } = budget();
  for (let at = 0; at < 10_000; at++) made.answered();
  expect(resets(10_000)).toBe(1_024 + 100);
});

test("a client that takes every fifth answer may go on, at a thousand resets a second", () => {
  const { clock, made } = budget();
  for (let at = 0; at < 100_000; at++) {
    clock.now = at;
    if (at % 5 === 0) made.answered();
    else expect(made.reset(0)).toBe(true);
  }
});

test("with any number of answers, resets are limited at once and each second", () => {
  const { clock, made } = budget();
  const interleaved = () => {
    for (let count = 0; ; count++) {
      made.answered();
      if (!made.reset(0)) return count;
    }
  };
  expect(interleaved()).toBe(2_048);
  clock.now = 1_000;
  expect(interleaved()).toBe(1_000);
  expect(made.isFlood).toBe(false);
});

test("later resets need no answers, and are limited at once and each second", () => {
  const { clock, resets } = budget();
  expect(resets(10_000, 10)).toBe(2_048);
  clock.now = 1_000;
  expect(resets(10_000, 10)).toBe(1_000);
});

test.each([
  [0, true],
  [5, true],
  [7, false],
])("with %i answers until too many are reset, that it is a flood is %s", (answers, isFlood) => {
  const { made, resets } = budget();
  for (let at = 0; at < answers; at++) made.answered();
  resets(1_000);
  expect(made.isFlood).toBe(isFlood);
});
