/**
 * Checks that the contract only grows: compares `proto/` with each earlier version of it, newest first, and exits with
 * status 1 if a caller built against one of them would break.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const maxVersions = 20;
const maxArchiveBytes = 64 * 2 ** 20;
const root = join(import.meta.dirname, "..");

const versions = earlierVersions();
if (versions.length === 0) {
  const shallow = git("rev-parse", "--is-shallow-repository").toString().trim() === "true";
  console.log(`no earlier contract to compare with${shallow ? ": this clone is shallow" : ""}`);
}
for (const commit of versions) {
  const findings = breakingChangesSince(commit);
  console.log(`${findings === "" ? "compatible with" : "BREAKS"} the contract of ${describe(commit)}`);
  if (findings !== "") {
    console.log(findings);
    process.exitCode = 1;
  }
}

/** The commits of this branch whose `proto/` differs from the current one, newest first. */
function earlierVersions(): string[] {
  const history = git("log", "--first-parent", `--max-count=${maxVersions}`, "--format=%H", "HEAD", "--", "proto");
  return history
    .toString()
    .split("\n")
    .filter((commit) => commit !== "" && hasContract(commit) && differsFromNow(commit));
}

function hasContract(commit: string): boolean {
  return git("ls-tree", "-r", "--name-only", commit, "--", "proto").length > 0;
}

function differsFromNow(commit: string): boolean {
  return git("diff", "--name-only", commit, "--", "proto").length > 0;
}

function describe(commit: string): string {
  return git("show", "--no-patch", "--format=%h (%s)", commit).toString().trim();
}

/** The findings of buf when it compares `proto/` with that commit's; empty if nothing breaks. */
function breakingChangesSince(commit: string): string {
  const archive = git("archive", "--format=tar", commit, "proto");
  const buf = join(root, "node_modules", ".bin", "buf");
  const result = spawnSync(buf, ["breaking", "proto", "--against", "-#format=tar,subdir=proto"], {
    cwd: root,
    input: archive,
    maxBuffer: maxArchiveBytes,
  });
  if (result.error !== undefined) throw result.error;
  if (result.status === 0) return "";
  return `${result.stdout}${result.stderr}`.trim() || `buf breaking: exit status ${result.status ?? result.signal}`;
}

function git(...args: string[]): Buffer {
  const result = spawnSync("git", args, { cwd: root, maxBuffer: maxArchiveBytes });
  if (result.error !== undefined) throw result.error;
  if (result.status !== 0) throw new Error(`git ${args.join(" ")}: ${result.stderr.toString().trim()}`);
  return result.stdout;
}
