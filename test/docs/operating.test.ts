/** docs/operating.md: its tables of options have each option as the program has it. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { clientOptions, serveOptions } from "../../src/config/options.ts";
import { maxResidentMiB } from "../hostile/contained-server.ts";

const text = readFileSync(new URL("../../docs/operating.md", import.meta.url), "utf8");

/** The cells of each row of the table whose head begins so. */
function rowsOf(head: string): string[][] {
  const start = text.indexOf(`| ${head} |`);
  const [table = ""] = text.slice(start).split("\n\n");
  const rows = table.split("\n").slice(2);
  return rows.map((row) =>
    row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

const code = (value: unknown) => `\`${value}\``;

describe.each([
  ["flag of `serve`", serveOptions],
  ["flag of the commands that call a server", clientOptions],
])("the table: %s", (head, declared) => {
  const options = Object.values(declared);
  const rows = rowsOf(head);

  test("has each option with its variable and its default, and no other", () => {
    const expected = options.map(({ long, envVar, defaultValue, defaultValueDescription }) => {
      const shown = defaultValueDescription ?? (defaultValue === false ? "no" : defaultValue);
      return [code(long), code(envVar), shown === undefined ? "none" : code(shown)];
    });
    const told = rows.map((cells) => cells.slice(0, 3));
    expect(told.toSorted()).toEqual(expected.toSorted());
  });

  test("says of each what it is, with the values that it takes", () => {
    for (const { long, argChoices } of options) {
      const cells = rows.find(([flag]) => flag === code(long)) ?? [];
      expect(
        cells.slice(3).every((cell) => /\w.*\.$/.test(cell)),
        long,
      ).toBe(true);
      for (const choice of argChoices ?? []) expect(cells.slice(2).join(" "), long).toContain(code(choice));
    }
  });
});

test("the memory that a process takes at most is what hostile callers are held to", () => {
  expect(text).toContain(`a process takes at most ${maxResidentMiB} MiB`);
});
