import { limits } from "../../users/limits.ts";

/** Longer than a command may wait and be repeated because its answer was lost. */
const rememberDeletionMs = 120_000;
/**
 * Bytes that one script works on, or a little more, which takes about a millisecond: while it runs, nothing else does.
 * `bench/scripts.ts` measures it.
 */
export const maxScriptWork = 128 * 1024;

/** What write.lua takes beside the commands. */
export const writeLimits = [
  limits.maxProperties,
  limits.maxPropertiesBytes,
  limits.maxPreferencesBytes,
  limits.maxObservedAheadSeconds * 1_000_000,
  rememberDeletionMs,
  maxScriptWork,
];
