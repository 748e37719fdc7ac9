/**
 * Generates the contract's stubs for Go and Python: `npm run generate:clients`. With `-- --check` it writes nothing. It then exits
 * with status 1, and names the files in `gen/` that differ from the contract.
 *
 * `buf.gen.clients.yaml` lists the plugins. Each program in `plugins/` installs the plugins of one language in `.tools/`, unless
 * the right versions are there.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { parse } from "yaml";

const root = join(import.meta.dirname, "..", "..");
const template = "scripts/generate/buf.gen.clients.yaml";
const installers = join(import.meta.dirname, "plugins");

const { values } = parseArgs({ options: { check: { type: "boolean", default: false } } });
try {
  const programs = readdirSync(installers).filter((name) => name.endsWith(".ts"));
  for (const program of programs.sort()) run(process.execPath, [join(installers, program)]);
  if (values.check) check();
  else generateInto(root);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

function check(): void {
  const expected = mkdtempSync(join(tmpdir(), "rollcall-clients-"));
  try {
    generateInto(expected);
    const differing = differingFiles(expected);
    if (differing.length === 0) return;
    throw new Error(`these files differ from the contract (run npm run generate:clients):\n${differing.join("\n")}`);
  } finally {
    rmSync(expected, { recursive: true });
  }
}

function generateInto(directory: string): void {
  run(join(root, "node_modules", ".bin", "buf"), ["generate", "--template", template, "--output", directory]);
}

/** The paths of files that are missing, superfluous or different. Files that git ignores do not count. */
function differingFiles(expected: string): string[] {
  const here = git("ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", ...outputs()).split("\0");
  const paths = new Set([...here.filter((path) => path !== ""), ...filesIn(expected)]);
  return [...paths].filter((path) => !sameFile(join(root, path), join(expected, path))).sort();
}

/** The directories of generated files. */
function outputs(): string[] {
  const { plugins }: { plugins: { out: string }[] } = parse(readFileSync(join(root, template), "utf8"));
  return [...new Set(plugins.map(({ out }) => out))];
}

function filesIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)));
}

function sameFile(one: string, other: string): boolean {
  return existsSync(one) && existsSync(other) && readFileSync(one).equals(readFileSync(other));
}

function git(...args: string[]): string {
  const result = spawnSync("git", args, { cwd: root, encoding: "utf8" });
  if (result.status !== 0) throw new Error(`git ${args.join(" ")}: ${result.stderr ?? result.error?.message}`);
  return result.stdout;
}

/** Runs a program, and shows its output. */
function run(program: string, args: readonly string[]): void {
  const { status, signal, error } = spawnSync(program, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${[program, ...args].join(" ")}: exit status ${status ?? signal}`);
}
