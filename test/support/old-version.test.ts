/** The old version is unpacked whole, or not at all. */
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "./files.ts";
import { findOldVersion, oldVersion, rollcallOld, unpackOldVersion } from "./old-version.ts";

const root = join(import.meta.dirname, "..", "..");

test("its commands say its version", async () => {
  const { stdout } = await rollcallOld(["--version"]);
  expect(stdout).toBe(`${oldVersion.version}\n`);
});

test("it is unpacked once, by several at the same time", async () => {
  const checkout = temporaryFolder();
  copyFileSync(join(root, "package-lock.json"), join(checkout, "package-lock.json"));
  const folders = await Promise.all([1, 2, 3].map(() => unpackOldVersion(checkout)));
  const tools = join(checkout, ".tools");
  expect(new Set(folders).size).toBe(1);
  expect(readdirSync(tools).map((name) => join(tools, name))).toEqual([folders[0]]);
  const manifest = JSON.parse(readFileSync(join(folders[0] ?? "", "package.json"), "utf8"));
  expect(manifest.version).toBe(oldVersion.version);
});

test("a folder must hold one version", () => {
  const folder = temporaryFolder();
  const packed = (version: string) => join(folder, `rollcall-${version}.tar.gz`);
  expect(() => findOldVersion(folder)).toThrow("must hold one packed version, as rollcall-0.1.0.tar.gz, and holds 0");
  writeFileSync(packed("0.1.0"), "");
  expect(findOldVersion(folder)).toEqual({ version: "0.1.0", archive: packed("0.1.0") });
  writeFileSync(packed("0.2.0"), "");
  expect(() => findOldVersion(folder)).toThrow("holds 2");
});
