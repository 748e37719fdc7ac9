/** The version of package.json is the version everywhere: in other manifests, in names of files, in documents. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "..", "..");
const read = (path: string) => readFileSync(join(root, path), "utf8");
const { version } = JSON.parse(read("package.json"));

/** Programs that only tests and measurements run have no version that anybody sees. */
const ofTests = /^(test|bench)\//;
const files = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
  cwd: root,
  encoding: "utf8",
})
  .split("\0")
  .filter((path) => path !== "" && !ofTests.test(path) && existsSync(join(root, path)));

/** Finds Rollcall's own version in a manifest of each kind; its first group is the version. */
const manifests: Readonly<Record<string, RegExp>> = {
  "package.json": /^ {2}"version": "(.+)"/m,
  "package-lock.json": /^ {2}"version": "(.+)"/m,
  "pyproject.toml": /^version = "(.+)"/m,
  "pom.xml": /^ {2}<groupId>rollcall<\/groupId>\n.*\n {2}<version>(.+)<\/version>/m,
  "kustomization.yaml": /- name: rollcall\n(?: *#.*\n)* {4}newTag: (.+)/,
};

const nameOf = (path: string) => path.slice(path.lastIndexOf("/") + 1);
/** The page's package is no package of its own, and the component for TLS takes the image of what it is added to. */
const withoutVersion = ["clients/web/package.json", "deploy/kubernetes/tls/kustomization.yaml"];
const versioned = files.filter((path) => nameOf(path) in manifests && !withoutVersion.includes(path));

test("manifests of all languages are found", () => {
  const kinds = new Set(versioned.map(nameOf));
  expect([...kinds].sort()).toEqual([
    "kustomization.yaml",
    "package-lock.json",
    "package.json",
    "pom.xml",
    "pyproject.toml",
  ]);
});

test.each(versioned)("%s has the version of package.json", (path) => {
  expect(manifests[nameOf(path)]?.exec(read(path))?.[1]).toBe(version);
});

test("the lockfile has it for the package itself, and names no registry", () => {
  const { packages } = JSON.parse(read("package-lock.json"));
  expect(packages[""].version).toBe(version);
  expect(Object.entries<object>(packages).filter(([, entry]) => "resolved" in entry)).toEqual([]);
});

test("packed packages and Maven's dependency have it in their names", () => {
  const named = files.flatMap((path) => {
    const text = /\.(md|json|xml|ya?ml|toml|html)$/.test(path) ? read(path) : "";
    const packed = [...text.matchAll(/rollcall-(\d+\.\d+\.\d+)\.tgz/g)];
    const stubs = [...text.matchAll(/<artifactId>rollcall-stubs<\/artifactId>\s*<version>(\d.+)<\/version>/g)];
    return [...packed, ...stubs].map(([, found]) => ({ path, found }));
  });
  expect(new Set(named.map(({ path }) => path))).toEqual(
    new Set([
      "clients/java/README.md",
      "clients/java/stubs/pom.xml",
      "clients/typescript/README.md",
      "clients/typescript/package.json",
      "clients/web/package.json",
      "docs/client.md",
    ]),
  );
  expect(named.filter(({ found }) => found !== version)).toEqual([]);
});

test("the changelog begins with it", () => {
  expect(/^## (\S+)/m.exec(read("CHANGELOG.md"))?.[1]).toBe(version);
});
