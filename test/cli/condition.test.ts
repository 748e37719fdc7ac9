import { describe, expect, test } from "vitest";
import { type Condition, parseCondition, parseEquals } from "../../src/cli/search/condition.ts";

const equals = (property: string, value: unknown) => ({ is: "equals", property, value });
const startsWith = (property: string, text: string) => ({ is: "starts-with", property, text });

describe("a condition on the command line", () => {
  test.each<[string, unknown]>([
    ["email=ada@example.com", equals("email", "ada@example.com")],
    ["email=", equals("email", "")],
    ["a=b=c", equals("a", "b=c")],
    // JSON, where it is.
    ["n=7", equals("n", 7)],
    ["n=1.0", equals("n", 1)],
    ["n=-0", equals("n", -0)],
    ["active=true", equals("active", true)],
    ["x=null", equals("x", null)],
    ['code="007"', equals("code", "007")],
    ['tags=["a"]', equals("tags", ["a"])],
    ['address={"city":"London"}', equals("address", { city: "London" })],
    // Text, where it is not.
    ["code=007", equals("code", "007")],
    ["phone=+4420712345", equals("phone", "+4420712345")],
    ["active=True", equals("active", "True")],
    ['name="A', equals("name", '"A')],
    ["n= ", equals("n", " ")],
    // A beginning is always text.
    ["email^=ada", startsWith("email", "ada")],
    ["zip^=12", startsWith("zip", "12")],
    ["email^=", startsWith("email", "")],
    ["email", { is: "present", property: "email" }],
    ["a b", { is: "present", property: "a b" }],
  ])("%s", (argument, expected) => {
    expect(parseCondition(argument, false)).toEqual(expected);
  });

  test.each([
    ["n=7", "7"],
    ["active=true", "true"],
    ['code="007"', '"007"'],
  ])("%s is text if that is asked for", (argument, value) => {
    expect(parseCondition(argument, true)).toMatchObject({ is: "equals", value } satisfies Partial<Condition>);
  });

  test.each([
    ["=7", "has no property"],
    ["^=7", "has no property"],
    ["", "has no property"],
    ["n>=7", "only compared with = and ^="],
    ["n!=7", "only compared with = and ^="],
  ])("%s is refused", (argument, reason) => {
    expect(() => parseCondition(argument, false)).toThrow(reason);
  });

  test.each(["email^=ada", "email"])("%s is no whole value", (argument) => {
    expect(() => parseEquals(argument, false)).toThrow("--where compares whole values");
  });
});
