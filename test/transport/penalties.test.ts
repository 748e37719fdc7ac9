import { describe, expect, test } from "vitest";
import { Penalties } from "../../src/transport/penalties.ts";

function punished(offences: number) {
  const clock = { now: 0 };
  const penalties = new Penalties(() => clock.now);
  for (let at = 0; at < offences; at++) penalties.add("bad");
  return { clock, penalties };
}

describe("a new connection", () => {
  test("does not wait where little or nothing has come from before", () => {
    const { penalties } = punished(3);
    expect(penalties.waitOf("bad")).toBe(0);
    expect(penalties.waitOf("good")).toBe(0);
  });

  test("waits for those before it, longer after each offence, and is turned away where that takes too long", () => {
    const { penalties } = punished(4);
    expect([1, 2, 3].map(() => penalties.waitOf("bad"))).toEqual([100, 200, 300]);
    expect(penalties.waitOf("good")).toBe(0);
    const { penalties: often } = punished(50);
    expect([1, 2, 3, 4].map(() => often.waitOf("bad"))).toEqual([3_200, 6_400, 9_600, undefined]);
  });

  test("does not wait once all is forgotten", () => {
    const { clock, penalties } = punished(50);
    clock.now = 30_000;
    expect(penalties.waitOf("bad")).toBe(0);
  });
});

test("no more addresses are remembered than there is room for", () => {
  const { penalties } = punished(4);
  for (let at = 0; at < 10_000; at++) penalties.add(`other ${at}`);
  expect(penalties.waitOf("bad")).toBe(0);
});
