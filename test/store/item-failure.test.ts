import { expect, test } from "vitest";
import { eachAlone, ItemFailure } from "../../src/store/lanes/item-failure.ts";

/** Does letters, but no call with a `b` in it. */
async function attempts(someMayBeDone: boolean) {
  const calls: string[] = [];
  const work = async (letters: readonly string[], again: boolean) => {
    calls.push(`${letters.join("")}${again ? " again" : ""}`);
    if (letters.includes("b")) throw new Error("b");
    return letters.map((letter) => letter.toUpperCase());
  };
  const results = await eachAlone(["a", "b", "c"], work, () => ({ mayLieInOne: true, someMayBeDone }));
  return { calls, results };
}

test("items are told that they may have been done before only where that can be", async () => {
  expect((await attempts(true)).calls).toEqual(["abc", "a again", "b again", "c again"]);
  expect((await attempts(false)).calls).toEqual(["abc", "a", "b", "c"]);
});

test("an item that fails leaves the others their results", async () => {
  expect((await attempts(false)).results).toEqual(["A", new ItemFailure(new Error("b")), "C"]);
});
