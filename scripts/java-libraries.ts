/** Installs Java libraries in the versions that a pom.xml names. Needs `mvn` on PATH. */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

const timeoutMs = 20 * 60_000;

/**
 * Installs the dependencies of a pom.xml in a folder of their own, unless they are there. A copy of the pom.xml, written last,
 * marks the folder as complete.
 *
 * @param name of the libraries, for messages
 * @throws Error if Maven is missing, or fails
 */
export function installJavaLibraries(name: string, pom: string, directory: string): void {
  const installed = join(directory, "pom.xml");
  if (existsSync(installed) && readFileSync(installed).equals(readFileSync(pom))) return;
  console.log(`${name}: installing with mvn`);
  rmSync(directory, { recursive: true, force: true });
  const args = ["--batch-mode", "--quiet", "--file", pom, `-DoutputDirectory=${directory}`];
  const { status, stdout, stderr, error } = spawnSync("mvn", [...args, "dependency:copy-dependencies"], {
    encoding: "utf8",
    timeout: timeoutMs,
  });
  if (status !== 0) throw new Error(`mvn ${args.join(" ")}:\n${error?.message ?? `${stdout}${stderr}`}`);
  copyFileSync(pom, installed);
}
