/** Programs that have little room to write. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";

const inOwnNamespace = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"] as const;
const mount = (mebibytes: number) => `mount -t tmpfs -o size=${mebibytes}m none "$1"`;

/** Whether this process may mount a file system, for itself alone. */
export function mayMount(folder: string): boolean {
  const [program, ...args] = inOwnNamespace;
  return spawnSync(program, [...args, mount(1), "sh", folder]).status === 0;
}

/** Runs a program of Node in which a folder is a file system of its own, of that size. */
export function onSmallDisk(folder: string, mebibytes: number, args: readonly string[]): ChildProcess {
  const [program, ...first] = inOwnNamespace;
  const script = `${mount(mebibytes)} && shift && exec "$@"`;
  return spawn(program, [...first, script, "sh", folder, process.execPath, ...args]);
}

/** Runs a program of Node whose files may be no larger. */
export function withSmallFiles(kibibytes: number, args: readonly string[]): ChildProcess {
  return spawn("bash", ["-c", `ulimit -f ${kibibytes} && exec "$@"`, "bash", process.execPath, ...args]);
}
