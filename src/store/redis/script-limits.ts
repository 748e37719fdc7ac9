/**
 * Bytes that one script works on, or a little more, which takes a millisecond or two: while it runs, nothing else does.
 * `bench/scripts.ts` measures it.
 */
export const maxScriptWork = 192 * 1024;
