/** What a server's calls share, for tests of calls without a server. */
import { defaultServerLimits as limits } from "../../src/config/server-limits.ts";
import type { CallEnvironment } from "../../src/rpc/call/call-environment.ts";
import { Admission } from "../../src/rpc/guard/admission.ts";
import { EvictionQueue } from "../../src/rpc/guard/eviction.ts";
import { Gate } from "../../src/rpc/guard/gate.ts";
import { MemoryBudget } from "../../src/rpc/guard/memory-budget.ts";
import { Work } from "../../src/rpc/guard/work.ts";
import { contractErrors } from "../../src/rpc/restated-errors.ts";

export function callEnvironment(
  changes: Partial<CallEnvironment> & { readonly draining?: AbortSignal } = {},
): CallEnvironment {
  const never = new AbortController().signal;
  const gate = new Gate({ authenticator: undefined, reflectionIsOpen: true });
  return {
    gate,
    work: new Work({
      gate,
      admission: new Admission(limits),
      recheckMs: limits.recheckMs,
      draining: changes.draining ?? never,
    }),
    budget: new MemoryBudget(1_000_000),
    arriving: new EvictionQueue(10),
    errors: contractErrors,
    observe: () => ({ run: (work) => work(), end: () => {}, ids: () => ({ requestId: "" }) }),
    report: () => {},
    stallTimeoutMs: 60_000,
    onStalled: () => {},
    underWay: new Set(),
    shutdown: never,
    ...changes,
  };
}
