import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Account, MemoryBudget } from "../../src/rpc/guard/memory-budget.ts";

function holder(held: MemoryBudget) {
  const one = {
    account: new Account(),
    exchange: { unread: 0, isWaiting: false },
    isEvicted: false,
    evict() {
      one.isEvicted = true;
    },
  };
  held.open(one);
  return one;
}

test("whoever holds the most has to go when there is no more room", () => {
  const held = new MemoryBudget(100);
  const [large, medium, small] = [holder(held), holder(held), holder(held)];
  held.set(large, 60);
  held.set(medium, 30);
  held.set(small, 10);
  expect(held.total).toBe(100);
  held.set(small, 11);
  expect([large.isEvicted, medium.isEvicted, small.isEvicted]).toEqual([true, false, false]);
  expect(held.total).toBe(41);
  held.set(medium, 0);
  held.set(large, 0);
  expect(held.total).toBe(11);
});

test("who is alone may hold more than there is room for", () => {
  const held = new MemoryBudget(100);
  const alone = holder(held);
  held.set(alone, 500);
  expect(alone.isEvicted).toBe(false);
  held.set(holder(held), 1);
  expect(alone.isEvicted).toBe(true);
});

test("what arrives before anybody may read it counts, once it is looked at", () => {
  const held = new MemoryBudget(100);
  const [waiting, reading, other] = [holder(held), holder(held), holder(held)];
  held.set(reading, 30);
  waiting.exchange.unread = 60;
  expect(held.total).toBe(30);
  held.countUnread();
  expect(held.total).toBe(90);
  other.exchange.unread = 20;
  held.countUnread();
  expect([waiting.isEvicted, reading.isEvicted, other.isEvicted]).toEqual([true, false, false]);
  expect(held.total).toBe(50);
  held.close(other);
  expect(held.total).toBe(30);
});

describe("what does not move", () => {
  const looks = (held: MemoryBudget, times: number) => {
    for (let look = 0; look < times; look++) held.evictStalled();
  };

  test("between two looks is ended", () => {
    const reasons: string[] = [];
    const held = new MemoryBudget(100, (reason) => reasons.push(reason));
    const stalled = holder(held);
    held.hold(stalled, 10);
    held.evictStalled();
    expect(stalled.isEvicted).toBe(false);
    held.evictStalled();
    expect(stalled.isEvicted).toBe(true);
    expect(reasons).toEqual(["stalled"]);
    expect(held.total).toBe(0);
  });

  test.each<[string, (held: MemoryBudget, one: ReturnType<typeof holder>) => void]>([
    ["a piece that is read while as much is worked off", (held, one) => [7, -7].map((more) => held.hold(one, more))],
    ["one byte more", (held, one) => held.hold(one, 1)],
    ["a piece that arrives unread", (held, one) => [one.exchange.unread++, held.countUnread()]],
    ["a piece of the answer that is taken", (held, one) => held.move(one)],
  ])("is not what moves: %s", (_, move) => {
    const held = new MemoryBudget(100);
    const one = holder(held);
    held.hold(one, 10);
    for (let look = 0; look < 5; look++) {
      move(held, one);
      held.evictStalled();
    }
    expect(one.isEvicted).toBe(false);
    looks(held, 2);
    expect(one.isEvicted).toBe(true);
  });

  test("nothing that is read, or worked off, is no movement", () => {
    const held = new MemoryBudget(100);
    const one = holder(held);
    held.hold(one, 10);
    held.evictStalled();
    held.hold(one, 0);
    held.countUnread();
    held.evictStalled();
    expect(one.isEvicted).toBe(true);
  });

  test("may wait for the server, and hold nothing, for as long as it takes", () => {
    const held = new MemoryBudget(100);
    const [waiting, idle] = [holder(held), holder(held)];
    held.hold(waiting, 10);
    waiting.exchange.isWaiting = true;
    looks(held, 5);
    expect([waiting.isEvicted, idle.isEvicted]).toEqual([false, false]);
    waiting.exchange.isWaiting = false;
    held.evictStalled();
    expect(waiting.isEvicted).toBe(true);
  });
});

test("whatever happens, and in whatever order, nothing counts for those that are closed", () => {
  const step = fc.record({ who: fc.nat(4), what: fc.constantFrom(...steps), bytes: fc.integer({ min: -60, max: 60 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (taken) => {
      const held = new MemoryBudget(100);
      const holders = Array.from({ length: 5 }, () => holder(held));
      for (const { who, what, bytes } of taken) {
        const one = holders[who];
        if (one === undefined) continue;
        if (what === "arrive") one.exchange.unread = Math.max(0, one.exchange.unread + bytes);
        else if (what === "look") held.countUnread();
        else if (what === "sweep") held.evictStalled();
        else if (what === "close") held.close(one);
        else if (what === "set") held.set(one, Math.max(0, bytes));
        else held.hold(one, bytes);
        expect(held.total).toBe(holders.reduce((sum, { account }) => sum + account.bytes, 0));
      }
      for (const one of holders) held.close(one);
      for (const one of holders) held.hold(one, 50);
      held.countUnread();
      expect(held.total).toBe(0);
    }),
  );
});

const steps = ["arrive", "look", "sweep", "close", "set", "hold"] as const;
