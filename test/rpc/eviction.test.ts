import { expect, test } from "vitest";
import { EvictionQueue } from "../../src/rpc/guard/eviction.ts";

test("for one more than there is room for, the one that has been there the longest has to go", () => {
  const gone: string[] = [];
  const member = (name: string) => ({ evict: () => void gone.push(name) });
  const few = new EvictionQueue(2);
  const [first, second, third, fourth] = ["first", "second", "third", "fourth"].map(member);
  if (!first || !second || !third || !fourth) expect.fail();
  few.add(first);
  few.add(second);
  few.delete(first);
  few.add(third);
  expect(gone).toEqual([]);
  few.add(fourth);
  expect(gone).toEqual(["second"]);
});
