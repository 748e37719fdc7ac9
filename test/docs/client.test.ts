/** docs/client.md: its code is that of clients/typescript, which is built and run. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { standsIn } from "../support/shown-code.ts";

const text = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const programs = ["first-call.ts", "example.ts"].map((name) => text(`clients/typescript/src/${name}`));

test("the code that it shows is that of the example", () => {
  const shown = [...text("docs/client.md").matchAll(/```ts\n(.*?)```/gs)].map(([, code = ""]) => code);
  expect(shown).toHaveLength(5);
  const imported = (code: string) =>
    [...code.matchAll(/^import \{([^}]*)\} from "rollcall";$/gm)].flatMap(([, names = ""]) =>
      names.split(",").flatMap((name) => name.trim() || []),
    );
  for (const code of shown) {
    // Each block imports what it needs, and the example all at once.
    expect(programs.flatMap(imported)).toEqual(expect.arrayContaining(imported(code)));
    for (const part of code.replace(/^import .* from "rollcall";\n\n/, "").split("\n\n")) {
      expect(
        programs.some((program) => standsIn(part, program)),
        part,
      ).toBe(true);
    }
  }
});
