import { expect, test } from "vitest";
import { createProgram } from "../../src/cli/program.ts";

/** The text of `--help`, for the program and each of its commands. */
async function helpTexts(): Promise<ReadonlyMap<string, string>> {
  const program = await createProgram([]);
  const commands = program.createHelp().visibleCommands(program);
  const texts = [program, ...commands.filter((command) => command.name() !== "help")].map((command) => {
    let text = "";
    const writeOut = (piece: string) => {
      text += piece;
    };
    command.configureOutput({ writeOut }).outputHelp();
    return [command.name(), text] as const;
  });
  return new Map(texts);
}

test("the help of the program and of each command ends with examples, of that command", async () => {
  const texts = await helpTexts();
  expect(texts.size).toBeGreaterThan(11);
  for (const [name, text] of texts) {
    const [, examples = ""] = text.split("\nExamples:\n");
    const lines = examples.trimEnd().split("\n");
    const expected = name === "rollcall" ? "rollcall " : `rollcall ${name} `;
    expect(lines.length, name).toBeGreaterThan(1);
    for (const line of lines) expect(`${line} `.replace("source <(", ""), name).toMatch(new RegExp(`^ {2}${expected}`));
  }
});
