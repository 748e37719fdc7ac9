import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Account, MemoryBudget } from "../../src/rpc/guard/memory-budget.ts";

function holder(budget: MemoryBudget) {
  const one = {
    account: new Account(),
    exchange: { unread: 0, isWaiting: false },
    isEvicted: false,
    evict() {
      one.isEvicted = true;
    },
  };
  budget.open(one);
  return one;
}

test("beyond the budget, the largest holder is evicted", () => {
  const budget = new MemoryBudget(100);
  const [large, medium, small] = [holder(budget), holder(budget), holder(budget)];
  budget.set(large, 60);
  budget.set(medium, 30);
  budget.set(small, 10);
  expect(budget.total).toBe(100);
  budget.set(small, 11);
  expect([large.isEvicted, medium.isEvicted, small.isEvicted]).toEqual([true, false, false]);
  expect(budget.total).toBe(41);
  budget.set(medium, 0);
  budget.set(large, 0);
  expect(budget.total).toBe(11);
});

test("a holder that is alone may exceed the budget", () => {
  const budget = new MemoryBudget(100);
  const alone = holder(budget);
  budget.set(alone, 500);
  expect(alone.isEvicted).toBe(false);
  budget.set(holder(budget), 1);
  expect(alone.isEvicted).toBe(true);
});

test("unread bytes count once `countUnread` is called", () => {
  const budget = new MemoryBudget(100);
  const [waiting, reading, other] = [holder(budget), holder(budget), holder(budget)];
  budget.set(reading, 30);
  waiting.exchange.unread = 60;
  expect(budget.total).toBe(30);
  budget.countUnread();
  expect(budget.total).toBe(90);
  other.exchange.unread = 20;
  budget.countUnread();
  expect([waiting.isEvicted, reading.isEvicted, other.isEvicted]).toEqual([true, false, false]);
  expect(budget.total).toBe(50);
  budget.close(other);
  expect(budget.total).toBe(30);
});

describe("a holder", () => {
  const check = (budget: MemoryBudget, times: number) => {
    for (let at = 0; at < times; at++) budget.evictStalled();
  };

  test("that does not move between two checks is evicted", () => {
    const reasons: string[] = [];
    const budget = new MemoryBudget(100, (reason) => reasons.push(reason));
    const stalled = holder(budget);
    budget.hold(stalled, 10);
    budget.evictStalled();
    expect(stalled.isEvicted).toBe(false);
    budget.evictStalled();
    expect(stalled.isEvicted).toBe(true);
    expect(reasons).toEqual(["stalled"]);
    expect(budget.total).toBe(0);
  });

  test.each<[string, (budget: MemoryBudget, one: ReturnType<typeof holder>) => void]>([
    [
      "a piece that is read while as many bytes are released",
      (budget, one) => [7, -7].map((more) => budget.hold(one, more)),
    ],
    ["one byte more", (budget, one) => budget.hold(one, 1)],
    ["a piece that arrives unread", (budget, one) => [one.exchange.unread++, budget.countUnread()]],
    ["a piece of the answer that is taken", (budget, one) => budget.move(one)],
  ])("moves with %s", (_, move) => {
    const budget = new MemoryBudget(100);
    const one = holder(budget);
    budget.hold(one, 10);
    for (let at = 0; at < 5; at++) {
      move(budget, one);
      budget.evictStalled();
    }
    expect(one.isEvicted).toBe(false);
    check(budget, 2);
    expect(one.isEvicted).toBe(true);
  });

  test("that holds the same bytes does not move", () => {
    const budget = new MemoryBudget(100);
    const one = holder(budget);
    budget.hold(one, 10);
    budget.evictStalled();
    budget.hold(one, 0);
    budget.countUnread();
    budget.evictStalled();
    expect(one.isEvicted).toBe(true);
  });

  test("may wait for the server, or hold nothing, without limit", () => {
    const budget = new MemoryBudget(100);
    const [waiting, idle] = [holder(budget), holder(budget)];
    budget.hold(waiting, 10);
    waiting.exchange.isWaiting = true;
    check(budget, 5);
    expect([waiting.isEvicted, idle.isEvicted]).toEqual([false, false]);
    waiting.exchange.isWaiting = false;
    budget.evictStalled();
    expect(waiting.isEvicted).toBe(true);
  });
});

test("closed holders count nothing, after any sequence of steps", () => {
  const step = fc.record({ who: fc.nat(4), what: fc.constantFrom(...steps), bytes: fc.integer({ min: -60, max: 60 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (taken) => {
      const budget = new MemoryBudget(100);
      const holders = Array.from({ length: 5 }, () => holder(budget));
      for (const { who, what, bytes } of taken) {
        const one = holders[who];
        if (one === undefined) continue;
        if (what === "arrive") one.exchange.unread = Math.max(0, one.exchange.unread + bytes);
        else if (what === "look") budget.countUnread();
        else if (what === "sweep") budget.evictStalled();
        else if (what === "close") budget.close(one);
        else if (what === "set") budget.set(one, Math.max(0, bytes));
        else budget.hold(one, bytes);
        expect(budget.total).toBe(holders.reduce((sum, { account }) => sum + account.bytes, 0));
      }
      for (const one of holders) budget.close(one);
      for (const one of holders) budget.hold(one, 50);
      budget.countUnread();
      expect(budget.total).toBe(0);
    }),
  );
});

const steps = ["arrive", "look", "sweep", "close", "set", "hold"] as const;
