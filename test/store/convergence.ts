/** Observed writes come to the same user in whatever order they arrive. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createEtagSource } from "../../src/users/etag.ts";
import { type IdentifyInput, requiredProperties } from "../../src/users/identify.ts";
import { createUserRegistry, type UserRegistry } from "../../src/users/registry.ts";
import { type ObservedWrite, observedWrites, outcomeOf, permutations } from "../support/observed-writes.ts";
import { repeats } from "../support/repeats.ts";
import { decode, encode } from "../support/struct.ts";
import type { OpenStore } from "./conformance.ts";

const sets = repeats(1_000);
const maxItems = 1_000;

function identifyOf({ set, unset, observedAt }: ObservedWrite): Omit<IdentifyInput, "id"> {
  return {
    properties: [encode(set)],
    setOnce: [],
    unset: unset.map((name) => Buffer.from(name)),
    precondition: undefined,
    observedAt: { seconds: BigInt(Math.floor(observedAt / 1_000_000)), nanos: (observedAt % 1_000_000) * 1_000 },
    validateOnly: false,
  };
}

/** @param open opens an empty store, and is called once */
export function observedWritesConverge(storeName: string, open: OpenStore): void {
  describe(`in ${storeName}`, () => {
    let opened: Awaited<ReturnType<OpenStore>>;
    let registry: UserRegistry;
    beforeAll(async () => {
      opened = await open();
      registry = createUserRegistry({
        store: opened.store,
        required: requiredProperties(["name"]),
        drawEtag: createEtagSource(),
      });
    });
    afterAll(() => opened.close());

    test(`all orders of ${sets} sets of observed writes end in the same properties`, async () => {
      let users = 0;
      const converges = fc.asyncProperty(observedWrites, async (writes) => {
        const orders = permutations(writes.map(identifyOf));
        const ids = orders.map(() => Buffer.from(`converge ${users++}`));
        const inputs = orders.flatMap((order, n) => order.map((write) => ({ id: ids[n] ?? Buffer.of(), ...write })));
        for (let from = 0; from < inputs.length; from += maxItems) {
          for (const result of await registry.identifyBatch(inputs.slice(from, from + maxItems))) {
            if ("error" in result) expect.fail(result.error.message);
          }
        }
        const found = await registry.getMany({ ids, onlyProperties: [] }, () => 0);
        const ends = new Set(found.users.map(({ properties }) => Buffer.from(properties).toString("hex")));
        expect(found.users).toHaveLength(orders.length);
        expect([...ends].map((hex) => decode(Buffer.from(hex, "hex")))).toEqual([outcomeOf(writes)]);
      });
      await fc.assert(converges, { numRuns: sets });
    }, 120_000);
  });
}
