/** Random sequences of commands through the registry, on a store and on the model: both must answer alike. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseStoreLocation } from "../../src/config/store-url.ts";
import { openVerifier } from "../../src/server/open-store.ts";
import type { StoreVerifier } from "../../src/store/verify/verifier.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { createEtagSource } from "../../src/users/etag.ts";
import { requiredProperties } from "../../src/users/identify.ts";
import { createUserRegistry, type UserRegistry } from "../../src/users/registry.ts";
import { repeats } from "../support/repeats.ts";
import type { TemporaryStore } from "../support/stores.ts";
import { verified } from "../support/verified.ts";
import { required, sequence } from "./model-commands.ts";
import { Run } from "./model-run.ts";

/**
 * @param open opens an empty store, and is called once
 * @param sequences how many sequences to try
 */
export function storeIsLikeTheModel(
  storeName: string,
  open: () => Promise<TemporaryStore>,
  sequences = repeats(1_000),
): void {
  describe(`the store ${storeName}`, () => {
    let opened: TemporaryStore;
    let registry: UserRegistry;
    let verifier: StoreVerifier;
    beforeAll(async () => {
      opened = await open();
      registry = createUserRegistry({
        store: opened.store,
        required: requiredProperties([required]),
        drawEtag: createEtagSource(),
      });
      verifier = await openVerifier(parseStoreLocation(opened.url), {}, createLogger("silent"));
      await new Run(registry, opened, verifier).begin();
    });
    afterAll(async () => {
      verifier.close();
      await opened.close();
    });

    test(`answers ${sequences} random sequences of commands as the model does`, async () => {
      const isLikeTheModel = fc.asyncProperty(sequence, async ({ steps, isVerified }) => {
        const run = new Run(registry, opened, verifier);
        try {
          for (const step of steps) await run.do(step);
          if (isVerified) await run.verify();
        } finally {
          await run.end();
        }
      });
      await fc.assert(isLikeTheModel, { numRuns: sequences });
      // Nobody else has written.
      expect(opened.brokenSeals()).toBe(0);
      // Users who are gone have left nothing behind.
      expect(await verified(opened.url)).toMatchObject({ status: 0, findings: [], summary: { users: 0 } });
    }, 240_000);
  });
}
