import { rmSync } from "node:fs";
import { constants } from "node:os";
import { CliError } from "./cli-error.ts";

/** Signals that stop a command, from service managers, Ctrl-C and closed terminals. */
export const stopSignals = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

/** A terminal sends SIGINT to npm and to this program, and npm passes its own on. Within this time, two count as one. */
const repeatMs = 1_000;

/**
 * Calls back at the first and at a later SIGTERM, SIGINT or SIGHUP.
 *
 * @param begin called once, with the first signal
 * @param force called with a later SIGTERM or SIGINT, from somebody who will not wait. SIGHUP never forces: the kernel, the shell
 *   and systemd may each send one, systemd right after SIGTERM
 */
export function onStopSignal(begin: (signal: NodeJS.Signals) => void, force: (signal: NodeJS.Signals) => void): void {
  let first: { readonly signal: NodeJS.Signals; readonly at: number } | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    const now = performance.now();
    if (first === undefined) {
      first = { signal, at: now };
      begin(signal);
      return;
    }
    const isSame = signal === first.signal && now - first.at < repeatMs;
    if (!isSame && signal !== "SIGHUP") force(signal);
  };
  for (const signal of stopSignals) process.on(signal, onSignal);
}

/** Aborts at the first signal, with the exit status that shells use for it. A second one ends the process. */
export function abortedBySignal(): AbortSignal {
  const stop = new AbortController();
  const statusOf = (signal: NodeJS.Signals) => 128 + constants.signals[signal];
  onStopSignal(
    (signal) => stop.abort(new CliError(`stopped by ${signal}`, statusOf(signal))),
    (signal) => process.exit(statusOf(signal)),
  );
  return stop.signal;
}

/**
 * Removes files if a signal stops the process.
 *
 * @returns stops that; to be called once the files are complete, or gone
 */
export function removeIfStopped(...paths: readonly string[]): () => void {
  const onSignal = (signal: NodeJS.Signals) => {
    release();
    for (const path of paths) rmSync(path, { force: true });
    // Without a listener, it ends the process.
    process.kill(process.pid, signal);
  };
  const release = () => {
    for (const signal of stopSignals) process.off(signal, onSignal);
  };
  for (const signal of stopSignals) process.on(signal, onSignal);
  return release;
}
