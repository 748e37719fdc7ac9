/**
 * Installs the plugins that generate the Python stubs, in the virtual environment `.tools/python/`, unless it has the versions
 * of `python-requirements.txt`. Needs Python 3.10 or newer, as `python3` on PATH. Exits with status 1 on failure.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

const directory = join(import.meta.dirname, "..", "..", "..", ".tools", "python");
const requirements = join(import.meta.dirname, "python-requirements.txt");
/** A copy of the requirements, written after all of them are installed. */
const installed = join(directory, "requirements.txt");
const installTimeoutMs = 10 * 60_000;

try {
  if (run("python3", "-c", "import sys; sys.exit(sys.version_info < (3, 10))").status !== 0) {
    throw new Error("The Python stubs need python3 on PATH, in version 3.10 or newer");
  }
  if (!isThere()) install();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

function isThere(): boolean {
  return existsSync(installed) && readFileSync(installed).equals(readFileSync(requirements));
}

function install(): void {
  console.log("grpcio-tools: installing with pip");
  rmSync(directory, { recursive: true, force: true });
  runToItsEnd("python3", "-m", "venv", directory);
  runToItsEnd(join(directory, "bin", "pip"), "install", "--quiet", "--disable-pip-version-check", "-r", requirements);
  copyFileSync(requirements, installed);
}

function runToItsEnd(program: string, ...args: readonly string[]): void {
  const { status, output } = run(program, ...args);
  if (status !== 0) throw new Error(`${[program, ...args].join(" ")}:\n${output}`);
}

function run(program: string, ...args: readonly string[]): { readonly status: number | null; readonly output: string } {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: "utf8", timeout: installTimeoutMs });
  return { status, output: error?.message ?? `${stdout}${stderr}` };
}
