/** `npm run prose`: each of its rules finds what it is for, and plain English passes. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { lintProse } from "../../scripts/prose/lint.ts";
import { passivesOf } from "../../scripts/prose/passive-chains.ts";
import { contractComments, documents, helpTexts } from "../../scripts/prose/texts.ts";
import { words } from "../../scripts/prose/words.ts";

const faults = await lintProse(readFileSync(new URL("prose-fixture.md", import.meta.url), "utf8"));
const found = faults.flatMap(({ where }) => where ?? []);

test("finds long sentences and chains of passives", () => {
  const others = faults.filter(({ rule }) => rule !== "words").map(({ rule, line }) => ({ rule, line }));
  expect(others).toEqual([
    { rule: "sentence-length", line: 3 },
    { rule: "passive-chains", line: 6 },
  ]);
});

describe.each(words)("$pattern", ({ pattern }) => {
  test("is found", () => {
    const whole = new RegExp(`^(?:${pattern.source})$`, "i");
    expect(found.filter((text) => whole.test(text))).not.toEqual([]);
  });
});

test("lets plain English, code and commands pass", async () => {
  const plain = `Every process has limits, so that it refuses overload quickly.
The server refuses calls that lack a scope. \`of which\` is code.

    npm run mend
`;
  expect(await lintProse(plain)).toEqual([]);
});

test("counts passives, and no other verbs", () => {
  expect(passivesOf("It is never\nsent, was quickly read and has been refused.")).toEqual([
    "is never sent",
    "was quickly read",
    "been refused",
  ]);
  expect(passivesOf("The outcome is UNCHANGED, and the user is there.")).toEqual([]);
});

test("reads documents, comments of the contract and descriptions of options", async () => {
  expect(documents().map(({ name }) => name)).toContain("docs/README.md");
  const service = contractComments().find(({ name }) => name.endsWith("user_service.proto"));
  expect(service?.text).toContain("\nScope: `users.write`.\n");
  expect(service?.text).not.toContain("rpc ");
  const serve = (await helpTexts()).find(({ name }) => name === "rollcall serve --help");
  expect(serve?.text).toMatch(/^address to listen on; /m);
  expect(serve?.text).not.toContain("--listen <");
});
