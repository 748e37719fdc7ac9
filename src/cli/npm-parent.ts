/** Stops the program when npm ends, because npm's signals do not reach all programs. */
import { readFileSync } from "node:fs";

const pollMs = 250;

const rollcallAlone =
  /^(exec )?(\w+=\S* )*('?([^\s']*\/)?rollcall(\.js)?'?|node [^&|;()`\n]*src\/main\.ts)( [^&|;()`\n]*)?$/;

/**
 * Whether a script runs only this program. Its shell then waits for the program, so that the end of the shell or of npm means a
 * stop. Other scripts may leave the program in the background.
 */
export function isRollcallAlone(script: string): boolean {
  return rollcallAlone.test(script);
}

/**
 * Calls `onEnd` once when the npm that started this program ends, for `npx rollcall` or a script of package.json. npm passes
 * SIGTERM and SIGINT only to its shell, and SIGHUP to nothing. Most shells then end, and the program would run on.
 *
 * Does nothing if anything else started the program.
 */
export function whenNpmEnds(env: Readonly<Record<string, string | undefined>>, onEnd: () => void): void {
  const script = env["npm_lifecycle_script"];
  if (script === undefined || !isRollcallAlone(script)) return;
  const parent = process.ppid;
  // Some shells become the program that they run. npm is the parent then, and its own parent may change.
  const npm = isShellOf(script, parent) ? parentOf(parent) : undefined;
  const timer = setInterval(() => {
    if (process.ppid === parent && (npm === undefined || parentOf(parent) === npm)) return;
    clearInterval(timer);
    onEnd();
  }, pollMs).unref();
}

/** Whether a process is a shell that npm runs: `sh -c SCRIPT`. Only Linux tells. */
function isShellOf(script: string, pid: number): boolean {
  const [, flag, command = ""] = read(pid, "cmdline")?.split("\0") ?? [];
  return flag === "-c" && command.startsWith(script);
}

/** The parent of a process; undefined if the system does not tell. */
function parentOf(pid: number): number | undefined {
  const [, parent] = /^PPid:\s*(\d+)$/m.exec(read(pid, "status") ?? "") ?? [];
  return parent === undefined ? undefined : Number(parent);
}

function read(pid: number, name: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch {
    return undefined;
  }
}
