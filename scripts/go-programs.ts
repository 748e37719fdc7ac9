/** Installs Go programs in fixed versions, and builds our own. Needs `go` on PATH. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const timeoutMs = 20 * 60_000;

export interface GoProgram {
  readonly name: string;
  readonly module: string;
  readonly version: string;
  /** A package path in the module. */
  readonly package: string;
}

/**
 * Installs a program in a folder, unless this version is there.
 *
 * @throws Error if Go is missing, or fails
 */
export function installGoProgram({ name, module, version, package: path }: GoProgram, directory: string): void {
  needGo();
  // Go records the module and its version in every program.
  const found = go(["version", "-m", join(directory, name)]).output;
  if (found.includes(`\tmod\t${module}\t${version}\t`)) return;
  console.log(`${name} ${version}: installing with go, which can take minutes`);
  runGo(["install", `${path}@${version}`], directory);
}

export function hasGo(): boolean {
  return go(["version"]).status === 0;
}

/**
 * Builds all programs in the folder `cmd` of a module, which Go leaves alone where they are up to date.
 *
 * @param module the folder of the module
 * @param directory the folder to put programs in
 * @throws Error if Go is missing, or fails
 */
export function buildGoPrograms(module: string, directory: string): void {
  // The bench runs where the sources are no repository of Git's, too.
  runGo(["build", "-C", module, "-buildvcs=false", "-o", `${directory}/`, "./cmd/..."]);
}

/**
 * Builds the tools of a module of the project, whose go.mod fixes the versions of everything that they need. Go does nothing for
 * those that are up to date.
 *
 * @param module the module's folder
 * @throws Error if Go is missing, or fails
 */
export function buildGoTools(module: string, directory: string): void {
  needGo();
  runGo(["install", "-C", module, "tool"], directory);
}

function needGo(): void {
  if (!hasGo()) throw new Error("the program go is needed on PATH, in its version 1.26 or newer");
}

/**
 * @param directory the folder to install programs in
 * @returns the standard output of Go
 * @throws Error if Go fails
 */
export function runGo(args: readonly string[], directory?: string): string {
  const { status, output } = go(args, directory);
  if (status !== 0) throw new Error(`go ${args.join(" ")}:\n${output}`);
  return output;
}

function go(args: readonly string[], directory?: string): { readonly status: number | null; readonly output: string } {
  const { status, stdout, stderr, error } = spawnSync("go", args, {
    encoding: "utf8",
    env: { ...process.env, ...(directory !== undefined && { GOBIN: directory }) },
    timeout: timeoutMs,
  });
  return { status, output: error?.message ?? (status === 0 ? stdout : `${stdout}${stderr}`) };
}
