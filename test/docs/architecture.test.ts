/** docs/architecture.md: its map of folders has each folder that there is, and no other. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const root = new URL("../../", import.meta.url);
const text = readFileSync(new URL("docs/architecture.md", root), "utf8");

/** The folders in the first column of the table with this head. */
function foldersIn(head: string): string[] {
  const [table = ""] = text.slice(text.indexOf(`| ${head} |`)).split("\n\n");
  const cells = table.split("\n").slice(2);
  return cells.flatMap((row) => [...(row.split("|")[1] ?? "").matchAll(/`(\w+)\/`/g)].map(([, folder = ""]) => folder));
}

/** The folders at the top of this one that git knows. */
function foldersOf(folder: string): string[] {
  const cwd = new URL(folder, root);
  const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
    cwd,
    encoding: "utf8",
  });
  return [...new Set(files.split("\n").flatMap((path) => /^(\w+)\//.exec(path)?.[1] ?? []))];
}

test("src/", () => {
  expect(foldersIn("folder of `src/`").toSorted()).toEqual(foldersOf("src/").toSorted());
});

test("the top level", () => {
  const others = foldersOf(".").filter((folder) => !["src", "docs", "bin"].includes(folder));
  expect(foldersIn("folder").toSorted()).toEqual(others.toSorted());
});
