/**
 * Calls back if a signal aborts, until that is undone; then nothing of what calls back is held any more. (A listener that
 * Node has removed goes on pointing at those that were added after it. On a signal that lives as long as a stream, each
 * would keep alive what the later ones hold, as long as it is not collected itself.)
 *
 * @returns undoes it
 */
export function whenAborted(signal: AbortSignal, callback: (reason: unknown) => void): () => void {
  const held: { callback: ((reason: unknown) => void) | undefined } = { callback };
  const listener = () => held.callback?.(signal.reason);
  signal.addEventListener("abort", listener, { once: true });
  return () => {
    held.callback = undefined;
    signal.removeEventListener("abort", listener);
  };
}
