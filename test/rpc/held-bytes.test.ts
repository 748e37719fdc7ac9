import { expect, test } from "vitest";
import { HeldBytes } from "../../src/rpc/held-bytes.ts";

function holder() {
  const one = {
    heldBytes: 0,
    unreadBytes: 0,
    arrived: 0,
    unread: () => one.arrived,
    wasShed: false,
    shed() {
      one.wasShed = true;
    },
  };
  return one;
}

test("whoever holds the most has to go when there is no more room", () => {
  const held = new HeldBytes(100);
  const [large, medium, small] = [holder(), holder(), holder()];
  held.set(large, 60);
  held.set(medium, 30);
  held.set(small, 10);
  expect(held.total).toBe(100);
  held.set(small, 11);
  expect([large.wasShed, medium.wasShed, small.wasShed]).toEqual([true, false, false]);
  expect(held.total).toBe(41);
  held.set(medium, 0);
  held.set(large, 0);
  expect(held.total).toBe(11);
});

test("who is alone may hold more than there is room for", () => {
  const held = new HeldBytes(100);
  const alone = holder();
  held.set(alone, 500);
  expect(alone.wasShed).toBe(false);
  held.set(holder(), 1);
  expect(alone.wasShed).toBe(true);
});

test("what arrives before anybody may read it counts, once it is looked at", () => {
  const held = new HeldBytes(100);
  const [waiting, reading, other] = [holder(), holder(), holder()];
  held.open(waiting);
  held.open(other);
  held.set(reading, 30);
  waiting.arrived = 60;
  expect(held.total).toBe(30);
  held.countUnread();
  expect(held.total).toBe(90);
  other.arrived = 20;
  held.countUnread();
  expect([waiting.wasShed, reading.wasShed, other.wasShed]).toEqual([true, false, false]);
  expect(held.total).toBe(50);
  held.close(other);
  expect(held.total).toBe(30);
});
