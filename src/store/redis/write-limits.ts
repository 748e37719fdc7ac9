import { limits } from "../../users/limits.ts";

/** Longer than a command may wait and be repeated because its answer was lost. */
const rememberDeletionMs = 120_000;
/** Stored and sent bytes that one script works on, or a little more: while it runs, nothing else does. */
const maxScriptBytes = 128 * 1024;

/** What write.lua takes beside the commands. */
export const writeLimits = [
  limits.maxProperties,
  limits.maxPropertiesBytes,
  limits.maxPreferencesBytes,
  limits.maxObservedAheadSeconds * 1_000_000,
  rememberDeletionMs,
  maxScriptBytes,
];
