import { setTimeout as pause } from "node:timers/promises";

/** Tries until `attempt` resolves to something else than false; after `timeoutMs`, fails with what it failed with last. */
export async function until<Result>(attempt: () => Promise<Result> | Result, timeoutMs = 10_000): Promise<Result> {
  const start = performance.now();
  const deadline = start + timeoutMs;
  for (;;) {
    try {
      const result = await attempt();
      if (result !== false) return result;
      if (performance.now() > deadline) throw new Error(`still false after ${timeoutMs} ms`);
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    // Short waits end soon, and long ones leave the processor to what they wait for.
    await pause(Math.min(30, Math.max(5, (performance.now() - start) / 20)));
  }
}
