/** The texts that people read: documents, the contract's comments, and the help of the command line. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createProgram } from "../../src/cli/program.ts";

export interface Text {
  /** A file or a command. */
  readonly name: string;
  /** Markdown, whose lines are those of the file. */
  readonly text: string;
}

const root = join(import.meta.dirname, "..", "..");

export function documents(): readonly Text[] {
  return filesLike("*.md").map((name) => ({ name, text: readFileSync(join(root, name), "utf8") }));
}

export function contractComments(): readonly Text[] {
  return filesLike("proto/*.proto").map((name) => ({ name, text: commentsOf(readFileSync(join(root, name), "utf8")) }));
}

/** The comments alone, each on its own line. */
function commentsOf(proto: string): string {
  return proto.replaceAll(/^.*$/gm, (line) => /^\s*\/\/ ?(.*)$/.exec(line)?.[1] ?? "");
}

/** What `--help` prints, for the program and each of its commands. */
export async function helpTexts(): Promise<readonly Text[]> {
  const program = await createProgram([]);
  const commands = program.commands.filter((command) => command.name() !== "help");
  return [program, ...commands].map((command) => {
    let help = "";
    const writeOut = (piece: string) => {
      help += piece;
    };
    // Wide enough for every description to be on one line.
    command.configureOutput({ writeOut, getOutHelpWidth: () => 10_000 }).outputHelp();
    const name = command === program ? "rollcall --help" : `rollcall ${command.name()} --help`;
    return { name, text: proseOf(help) };
  });
}

/** Descriptions, each a paragraph, without the terms that they describe and without examples. */
function proseOf(help: string): string {
  const [described = ""] = help.split("\nExamples:\n");
  return described.replaceAll(/^ {2}\S.*?(?: {2,}(.*))?$/gm, (_, description = "") => `\n${description}\n`);
}

function filesLike(pattern: string): readonly string[] {
  const listed = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", pattern], {
    cwd: root,
    encoding: "utf8",
  });
  return listed.split("\n").filter((name) => name !== "" && existsSync(join(root, name)));
}
