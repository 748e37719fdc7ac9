/**
 * Bytes that one script works on, or a little more, which takes about a millisecond: while it runs, nothing else does.
 * `bench/scripts.ts` measures it.
 */
export const maxScriptWork = 128 * 1024;
