import { expect, test } from "vitest";
import { EvictionQueue } from "../../src/rpc/guard/eviction.ts";

test("a member beyond the limit evicts the oldest", () => {
  const evicted: string[] = [];
  const member = (name: string) => ({ evict: () => void evicted.push(name) });
  const queue = new EvictionQueue(2);
  const [first, second, third, fourth] = ["first", "second", "third", "fourth"].map(member);
  if (!first || !second || !third || !fourth) expect.fail();
  queue.add(first);
  queue.add(second);
  queue.delete(first);
  queue.add(third);
  expect(evicted).toEqual([]);
  queue.add(fourth);
  expect(evicted).toEqual(["second"]);
});
