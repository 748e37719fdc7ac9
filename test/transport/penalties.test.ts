import { describe, expect, test } from "vitest";
import { Penalties } from "../../src/transport/penalties.ts";

function punished(offences: number) {
  const clock = { now: 0 };
  const penalties = new Penalties(() => clock.now);
  for (let at = 0; at < offences; at++) penalties.add("bad");
  return { clock, penalties };
}

describe("a new connection", () => {
  test("does not wait after few or no offences", () => {
    const { penalties } = punished(3);
    expect(penalties.waitOf("bad")).toBe(0);
    expect(penalties.waitOf("good")).toBe(0);
  });

  test("waits for earlier ones, longer after each offence, and is closed if that takes too long", () => {
    const { penalties } = punished(4);
    expect([1, 2, 3].map(() => penalties.waitOf("bad"))).toEqual([100, 200, 300]);
    expect(penalties.waitOf("good")).toBe(0);
    const { penalties: often } = punished(50);
    expect([1, 2, 3, 4].map(() => often.waitOf("bad"))).toEqual([3_200, 6_400, 9_600, undefined]);
  });

  test("does not wait once the offences are forgotten", () => {
    const { clock, penalties } = punished(50);
    clock.now = 30_000;
    expect(penalties.waitOf("bad")).toBe(0);
  });
});

describe("an offence", () => {
  test("is taken back for callers that are answered", () => {
    const { penalties } = punished(5);
    penalties.forgive("good");
    penalties.forgive("bad");
    penalties.forgive("bad");
    expect(penalties.waitOf("bad")).toBe(0);
  });

  test("is not taken back before it happens", () => {
    const { penalties } = punished(0);
    for (let at = 0; at < 100; at++) penalties.forgive("bad");
    for (let at = 0; at < 4; at++) penalties.add("bad");
    expect(penalties.waitOf("bad")).toBe(100);
  });

  test.each([
    ["2001:db8:1:2::1", "2001:db8:1:2:ffff::1", "2001:db8:1:3::1"],
    ["2001:db8::1", "2001:db8:0:0:1:2:3:4", "2001:db8:0:1::1"],
    ["2001:db8:1::", "2001:db8:1:0:f::", "2001:db8:2::"],
  ])("from %s counts for its /64, and so for %s and not for %s", (address, sibling, other) => {
    const { penalties } = punished(0);
    for (let at = 0; at < 4; at++) penalties.add(address);
    expect(penalties.waitOf(sibling)).toBe(100);
    expect(penalties.waitOf(other)).toBe(0);
  });

  test.each([
    ["192.0.2.1", "192.0.2.2"],
    ["::ffff:192.0.2.1", "::ffff:192.0.2.2"],
    ["fd00::1", "fd00::2"],
    ["fe80::1%eth0", "fe80::2%eth0"],
  ])("from %s counts for it alone, and not for %s", (address, neighbour) => {
    const { penalties } = punished(0);
    for (let at = 0; at < 4; at++) penalties.add(address);
    expect(penalties.waitOf(address)).toBe(100);
    expect(penalties.waitOf(neighbour)).toBe(0);
  });
});

test("the number of remembered addresses is limited", () => {
  const { penalties } = punished(4);
  for (let at = 0; at < 10_000; at++) penalties.add(`other ${at}`);
  expect(penalties.waitOf("bad")).toBe(0);
});
