import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { exampleUsers } from "../../scripts/example-users.ts";

const program = fileURLToPath(new URL("../../scripts/example-users.ts", import.meta.url));
const sample = new URL("../../docs/users.sample.ndjson", import.meta.url);

const users = [...exampleUsers(2_000, 7)];

describe("example users", () => {
  it("are the same for the same seed, and others for another", () => {
    expect([...exampleUsers(2_000, 7)]).toEqual(users);
    expect([...exampleUsers(1, 8)]).not.toEqual(users.slice(0, 1));
  });

  it("begin alike, however many there are", () => {
    expect([...exampleUsers(10, 7)]).toEqual(users.slice(0, 10));
  });

  it("have an id each", () => {
    expect(new Set(users.map(({ id }) => id)).size).toBe(users.length);
  });

  it("always have a name and an email at an example domain", () => {
    for (const { properties } of users) {
      expect(properties["name"]).toMatch(/\S/);
      expect(properties["email"]).toMatch(/^[\x21-\x7e]+@example\.(com|net|org)$/);
    }
  });

  it("are of mixed shape", () => {
    const all = users.map(({ properties }) => properties);
    expect(all.some(({ phone }) => phone === null)).toBe(true);
    expect(all.some(({ phone }) => typeof phone === "string")).toBe(true);
    expect(all.some((properties) => !("phone" in properties))).toBe(true);
    expect(all.some((properties) => !("company" in properties))).toBe(true);
    expect(all.some(({ tags }) => Array.isArray(tags) && tags.length === 0)).toBe(true);
    expect(all.some(({ name }) => /[^\p{ASCII}]/u.test(String(name)))).toBe(true);
  });
});

describe("the example generator", () => {
  it("writes the sample that docs/ has", () => {
    const output = execFileSync(process.execPath, [program, "--count", "20", "--seed", "1"], { encoding: "utf8" });
    expect(output).toBe(readFileSync(sample, "utf8"));
  });

  it.each([
    ["--count", "none"],
    ["--count", "0"],
    ["--seed", "1.5"],
    ["--seed", "4294967296"],
  ])("refuses %s %s by name", (option, value) => {
    const { status, stderr } = spawnSync(process.execPath, [program, option, value], { encoding: "utf8" });
    expect(status).toBe(2);
    expect(stderr).toContain(`${option} takes a whole number`);
    expect(stderr).toContain(`"${value}"`);
  });
});
