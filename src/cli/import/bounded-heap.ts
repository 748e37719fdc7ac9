import { getHeapSpaceStatistics } from "node:v8";

/**
 * V8's young generation is three times this, in MiB. Without a bound it grows to several times what an import needs. With a
 * smaller one, short-lived objects outlive it.
 */
const maxSemiSpaceMiB = 8;

/**
 * How much garbage may gather in the old generation. V8 would let it reach several times what is in use. Collecting more often
 * costs time, because JSON.parse has to learn the shapes of objects again.
 */
const maxOldGarbageBytes = 20 * 1024 ** 2;

/**
 * Starts this program again in the same process, with a bound on its heap. Does nothing if there is a bound already, or the
 * system cannot do it.
 *
 * @param compileCache folder of compiled code, which saves the memory of compiling
 */
export function boundHeap(compileCache: string): void {
  const given = [...process.execArgv, process.env["NODE_OPTIONS"] ?? ""].join(" ");
  if (process.execve === undefined || process.platform === "win32" || /max.(semi|old).space/.test(given)) return;
  const { execPath, execArgv, argv, env } = process;
  const flags = [`--max-semi-space-size=${maxSemiSpaceMiB}`, "--expose-gc"];
  process.execve(execPath, [execPath, ...flags, ...execArgv, ...argv.slice(1)], {
    NODE_COMPILE_CACHE: compileCache,
    // Otherwise glibc's malloc keeps memory for each of Node's threads.
    MALLOC_ARENA_MAX: "1",
    ...env,
  });
}

/** @returns a function that collects garbage if there is enough to be worth the time */
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
