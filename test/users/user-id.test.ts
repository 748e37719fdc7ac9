import { describe, expect, test } from "vitest";
import { parseUserId } from "../../src/users/user-id.ts";

describe("a user's id", () => {
  test.each(["u", "x".repeat(256), "é".repeat(128), "{a}", " ", "__proto__", "𝄞", "e\u0301", "\ufeffid"])(
    "may be %j",
    (id) => {
      expect(parseUserId(Buffer.from(id))).toBe(id);
    },
  );

  test.each([
    ["empty", Buffer.alloc(0), "is required"],
    ["too long", Buffer.alloc(257, 0x61), "has 257 bytes; at most 256 are allowed"],
    ["not UTF-8", Buffer.from([0xc3, 0x28]), "is not valid UTF-8"],
    ["a NUL", Buffer.from("a\0b"), "has control characters"],
    ["a new line", Buffer.from("a\n"), "has control characters"],
    ["DEL", Buffer.from("\x7f"), "has control characters"],
    ["a C1 control", Buffer.from("\u0085"), "has control characters"],
  ])("may not be %s", (_name, bytes, description) => {
    expect(parseUserId(bytes)).toMatchObject({ violations: [{ field: "id", reason: "INVALID_ID", description }] });
  });
});
