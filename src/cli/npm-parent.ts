/** Ends with npm, which cannot tell all of its programs to end. */
import { readFileSync } from "node:fs";

const pollMs = 250;

const rollcallAlone =
  /^(exec )?(\w+=\S* )*('?([^\s']*\/)?rollcall(\.js)?'?|node [^&|;()`\n]*src\/main\.ts)( [^&|;()`\n]*)?$/;

/**
 * Whether a script is this program and nothing else: its shell waits for the program, so the end of the shell or of npm means
 * that somebody has stopped them. Another script may leave the program in the background.
 */
export function isRollcallAlone(script: string): boolean {
  return rollcallAlone.test(script);
}

/**
 * Calls `onEnd` once when the npm that started this program has ended, with `npx rollcall` or a script of package.json.
 * npm passes SIGTERM and SIGINT on to its shell alone, and SIGHUP to nobody. Most shells die of them, and the program would
 * go on without anybody to stop it.
 *
 * Does nothing where anything else has started the program.
 */
export function whenNpmEnds(env: Readonly<Record<string, string | undefined>>, onEnd: () => void): void {
  const script = env["npm_lifecycle_script"];
  if (script === undefined || !isRollcallAlone(script)) return;
  const parent = process.ppid;
  // Some shells become the program that they run; npm is the parent then, and its own parent may come and go.
  const npm = isShellOf(script, parent) ? parentOf(parent) : undefined;
  const timer = setInterval(() => {
    if (process.ppid === parent && (npm === undefined || parentOf(parent) === npm)) return;
    clearInterval(timer);
    onEnd();
  }, pollMs).unref();
}

/** Whether a process runs a script as npm lets shells do it: `sh -c SCRIPT`. Only Linux tells. */
function isShellOf(script: string, pid: number): boolean {
  const [, flag, command = ""] = read(pid, "cmdline")?.split("\0") ?? [];
  return flag === "-c" && command.startsWith(script);
}

/** Who started a process, or has adopted it since; undefined where the system does not tell. */
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
