import { WriteStream } from "node:tty";
import { create, type JsonObject } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import stringWidth from "string-width";
import { describe, expect, test } from "vitest";
import { type User, UserSchema } from "#gen/rollcall/v1/user_pb.js";
import { fitted, padded } from "../../../src/cli/terminal/text.ts";
import { userCard, userTable } from "../../../src/cli/terminal/users.ts";
import { printable } from "../../../src/config/invisible.ts";

/** A terminal of so many columns, without colours. */
function screen(columns: number): WriteStream {
  return Object.assign(Object.create(WriteStream.prototype), { columns, isTTY: true, getColorDepth: () => 1 });
}

function user(id: string, properties: JsonObject, preferences: JsonObject = {}): User {
  const time = timestampFromDate(new Date("2026-01-31T12:00:00.123Z"));
  return create(UserSchema, { id, properties, preferences, createdAt: time, updatedAt: time, etag: "e1" });
}

describe("text on a terminal", () => {
  test("has nothing that the terminal would act on", () => {
    expect(printable("a\u001b[2Jb\u009bc\u202ed\ne")).toBe(String.raw`a\u{1b}[2Jb\u{9b}c\u{202e}d\u{a}e`);
    expect(printable("Zoë 日本 👩‍🚀")).toBe("Zoë 日本 👩‍🚀");
  });

  test("is cut and filled by the columns that it takes", () => {
    expect(fitted("abcdef", 4)).toBe("abc…");
    expect(fitted("日本語日本語", 5)).toBe("日本…");
    expect(stringWidth(padded("日本", 6))).toBe(6);
  });
});

test("one user has a line for each property, none wider than the terminal", () => {
  const card = userCard(
    user("u1", { name: "Ada", tags: ["a", { b: 1 }], long: "x".repeat(200) }, { news: true }),
    screen(60),
  );
  expect(card.map((line) => line.trim().split(/ {2,}/))).toEqual([
    ["u1"],
    ["created 2026-01-31 12:00:00Z", expect.stringContaining("updated")],
    ["properties"],
    ["name", "Ada"],
    ["tags", '["a",{"b":1}]'],
    ["long", expect.stringMatching(/^x+…$/)],
    ["preferences"],
    ["news", "true"],
  ]);
  for (const line of card) expect(stringWidth(line)).toBeLessThanOrEqual(60);
});

test("several users have a line each, none wider than the terminal", () => {
  const users = [
    user("u1", { name: "Ada\u001b[31m" }),
    user("日本", { name: "x".repeat(100) }),
    user("i".repeat(90), {}),
  ];
  const lines = userTable(screen(90))(users);
  expect(lines).toHaveLength(4);
  expect(lines[1]).toMatch(/^u1 +2026-01-31 12:00:00Z {2}name=Ada\\u\{1b\}\[31m$/);
  for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(90);
});

test("a table that comes in parts has one header, and its columns do not become narrower", () => {
  const table = userTable(screen(90));
  const parts = [["u1"], ["a longer id"], ["u2"]].map((ids) => table(ids.map((id) => user(id, {}))));
  expect(parts.map(([line]) => line?.split(/ {2,}/)[0])).toEqual(["id", "a longer id", "u2"]);
  expect(table([])).toEqual([]);
  expect(parts.map((lines) => lines.length)).toEqual([2, 1, 1]);
  expect(parts.map((lines) => lines.at(-1)?.indexOf("2026"))).toEqual([4, 13, 13]);
});
