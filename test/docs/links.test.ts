/** Links between the project's documents lead somewhere, and docs/README.md lists all of docs/. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "..", "..");
const documents = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "*.md"], {
  cwd: root,
  encoding: "utf8",
})
  .split("\n")
  .filter((path) => path !== "" && existsSync(join(root, path)));

const withoutCode = (markdown: string) => markdown.replace(/^```.*?^```/gms, "").replace(/^ {4}.*$/gm, "");
const read = (path: string) => withoutCode(readFileSync(path, "utf8"));

/** Where the links of a document lead; those to other sites are left out. */
function linksOf(path: string): string[] {
  const text = read(path).replaceAll(/`[^`]*`/g, "");
  return [...text.matchAll(/\]\(([^()\s]+)\)/g)]
    .map(([, target = ""]) => target)
    .filter((target) => !/^[a-z]+:/.test(target));
}

/** The anchors of a document's headings, by GitHub's rule. */
function anchorsOf(path: string): string[] {
  const headings = [...read(path).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => heading);
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

function leadsSomewhere(document: string, link: string): boolean {
  const [file = "", anchor] = link.split("#");
  const target = file === "" ? document : join(dirname(document), file);
  if (!existsSync(target)) return false;
  return anchor === undefined || anchorsOf(target).includes(anchor);
}

describe.each(documents)("%s", (path) => {
  test("has no dead links", () => {
    const document = join(root, path);
    expect(linksOf(document).filter((link) => !leadsSomewhere(document, link))).toEqual([]);
  });
});

test("a missing file and a missing heading are dead links", () => {
  const index = join(root, "docs", "README.md");
  expect(leadsSomewhere(index, "missing.md")).toBe(false);
  expect(leadsSomewhere(index, "clients.md#missing")).toBe(false);
  expect(leadsSomewhere(index, "clients.md#first-calls")).toBe(true);
});

test("docs/README.md lists every document and sample of docs/", () => {
  const docs = join(root, "docs");
  const files = readdirSync(docs, { withFileTypes: true }).filter(
    (entry) => entry.isFile() && entry.name !== "README.md",
  );
  const listed = linksOf(join(docs, "README.md")).map((link) => relative(docs, join(docs, link)));
  expect(listed).toEqual(expect.arrayContaining(files.map(({ name }) => name)));
});
