import { getHeapSpaceStatistics } from "node:v8";

/**
 * V8's young generation is three times this, in MiB. Without a bound it grows to several times what an import holds at any
 * time, which is little; with a smaller one, what is short-lived outlives it.
 */
const maxSemiSpaceMiB = 8;

/**
 * How much garbage may gather in the old generation, where V8 lets it come to several times what is in use. To collect it
 * more often costs time: much of it are shapes of objects, which JSON.parse has to learn again.
 */
const maxOldGarbageBytes = 20 * 1024 ** 2;

/**
 * Starts this program again, in the same process, so that its heap can be bounded. Does nothing where a bound has been
 * given already, or the system cannot.
 *
 * @param compileCache from where all of the program is loaded then, so that no compiler takes memory
 */
export function boundHeap(compileCache: string): void {
  const given = [...process.execArgv, process.env["NODE_OPTIONS"] ?? ""].join(" ");
  if (process.execve === undefined || process.platform === "win32" || /max.(semi|old).space/.test(given)) return;
  const { execPath, execArgv, argv, env } = process;
  const flags = [`--max-semi-space-size=${maxSemiSpaceMiB}`, "--expose-gc"];
  process.execve(execPath, [execPath, ...flags, ...execArgv, ...argv.slice(1)], {
    NODE_COMPILE_CACHE: compileCache,
    // Else glibc's malloc keeps memory for each of Node's threads.
    MALLOC_ARENA_MAX: "1",
    ...env,
  });
}

/** @returns what collects garbage, when it is called and enough has gathered to be worth the time */
export function garbageCollector(): () => void {
  let inUse: number | undefined;
  return () => {
    const { gc } = globalThis;
    if (gc === undefined) return;
    if (inUse !== undefined && oldBytes() < inUse + maxOldGarbageBytes) return;
    gc();
    inUse = oldBytes();
  };
}

function oldBytes(): number {
  const old = getHeapSpaceStatistics().find(({ space_name: name }) => name === "old_space");
  return old?.space_used_size ?? 0;
}
