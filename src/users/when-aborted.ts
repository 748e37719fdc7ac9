/**
 * Calls back when a signal aborts, until the returned function is called. After that the callback is not referenced any more.
 * (A listener that Node has removed still points to listeners that were added after it. On a signal that lives as long as a
 * stream, it would keep alive what they reference.)
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
