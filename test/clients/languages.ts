/** The languages that have a client, and the commands by which their users build and run it. */
import { join } from "node:path";

export const root = join(import.meta.dirname, "..", "..");
/** The builds, kept from one run to the next. Git ignores them. */
export const built = join(root, ".tools", "clients");

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
}

/** A program that a language needs. */
export interface Tool {
  readonly name: string;
  /** Prints the version. */
  readonly version: Command;
  /** As `[1, 26]` for 1.26. */
  readonly atLeast: readonly number[];
}

export interface Language {
  /** As `--without` takes it. */
  readonly key: string;
  readonly name: string;
  readonly tools: readonly Tool[];
  /** Where all commands run. */
  readonly folder: string;
  /** They build the programs below, one after the other, and run the tests that need no server. */
  readonly build: readonly Command[];
  /** Identifies a user at ROLLCALL_SERVER, reads it back and prints it: the first call in docs/clients.md. */
  readonly firstCall: Command;
  /** The runner of scenarios, without its arguments. */
  readonly scenarios: Command;
  /** The example, without `--server`. */
  readonly example: Command;
}

const typescriptPrograms = join(built, "typescript", "dist");
const venv = join(built, "python");
const python = join(venv, "bin", "python");
const mypy = join(venv, "bin", "mypy");
const goPrograms = join(built, "go");
const jar = join("example", "target", "rollcall-example.jar");

export const languages: readonly Language[] = [
  {
    key: "typescript",
    name: "TypeScript",
    tools: [],
    folder: join(root, "clients", "typescript"),
    build: [command(process.execPath, join(root, "test", "clients", "build-typescript.ts"))],
    firstCall: command(process.execPath, join(typescriptPrograms, "first-call.js")),
    scenarios: command(process.execPath, join(root, "test", "scenarios", "run.ts")),
    example: command(process.execPath, join(typescriptPrograms, "example.js")),
  },
  {
    key: "go",
    name: "Go",
    tools: [{ name: "Go", version: command("go", "version"), atLeast: [1, 26] }],
    folder: join(root, "clients", "go"),
    build: [
      command("go", "build", "-o", join(goPrograms, "/"), "./cmd/..."),
      command("go", "vet", "./..."),
      command("go", "test", "./..."),
    ],
    firstCall: command(join(goPrograms, "firstcall")),
    scenarios: command(join(goPrograms, "scenarios")),
    example: command(join(goPrograms, "example")),
  },
  {
    key: "python",
    name: "Python",
    tools: [{ name: "Python", version: command("python3", "--version"), atLeast: [3, 10] }],
    folder: join(root, "clients", "python"),
    build: [
      command("python3", "-m", "venv", venv),
      command(python, "-m", "pip", "install", "--quiet", "-c", "constraints.txt", "../../gen/python", ".[check]"),
      command(mypy, "--cache-dir", join(built, "mypy")),
      command(python, "-m", "unittest"),
    ],
    firstCall: command(python, "first_call.py"),
    scenarios: command(python, "scenarios.py"),
    example: command(python, "example.py"),
  },
  {
    key: "java",
    name: "Java",
    tools: [
      { name: "JDK", version: command("javac", "-version"), atLeast: [17] },
      { name: "Maven", version: command("mvn", "--batch-mode", "--version"), atLeast: [3, 6] },
    ],
    folder: join(root, "clients", "java"),
    build: [command("mvn", "--batch-mode", "-q", "package")],
    firstCall: command("java", "-cp", jar, "rollcall.example.FirstCall"),
    scenarios: command("java", "-cp", jar, "rollcall.scenarios.Scenarios"),
    example: command("java", "-jar", jar),
  },
];

function command(program: string, ...args: string[]): Command {
  return { program, args };
}
