/** A terminal sends SIGINT to npm and to this program, and npm passes its own on: two of a kind so close are one. */
const repeatMs = 1_000;

/**
 * Tells a program to end what it does, at the first SIGTERM, SIGINT or SIGHUP.
 *
 * @param begin called once, with that signal
 * @param force called with a SIGTERM or SIGINT that comes later, from somebody who will not wait. A SIGHUP never forces:
 *   the kernel, the shell and systemd may each send one, the last of them right after SIGTERM
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
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, onSignal);
}
