/** Observed writes come to the same user, and to the same entries in indexes, in whatever order they arrive. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createEtagSource } from "../../src/users/etag.ts";
import { type IdentifyInput, requiredProperties } from "../../src/users/identify.ts";
import { createUserRegistry, type UserRegistry } from "../../src/users/registry.ts";
import { type ObservedWrite, observedWrites, outcomeOf, permutations } from "../support/observed-writes.ts";
import { repeats } from "../support/repeats.ts";
import { switchIndexes, type TemporaryStore } from "../support/stores.ts";
import { decode, encode, valueBytes } from "../support/struct.ts";
import { verified } from "../support/verified.ts";

const sets = repeats(1_000);
const indexed = ["p", "q", "__proto__"];
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
export function observedWritesConverge(storeName: string, open: () => Promise<TemporaryStore>): void {
  describe(`in ${storeName}`, () => {
    let opened: TemporaryStore;
    let registry: UserRegistry;
    beforeAll(async () => {
      opened = await open();
      registry = createUserRegistry({
        store: opened.store,
        required: requiredProperties(["name"]),
        drawEtag: createEtagSource(),
      });
      await switchIndexes(opened.administration, indexed.join());
      await opened.store.check();
      await opened.sweep();
    });
    afterAll(() => opened.close());

    test(`all orders of ${sets} sets of observed writes end in the same properties`, async () => {
      let users = 0;
      /** How many users each value must have in the end: text, numbers and bools are indexed. */
      const counts = new Map<string, number>();
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
        const outcome = outcomeOf(writes);
        expect([...ends].map((hex) => decode(Buffer.from(hex, "hex")))).toEqual([outcome]);
        for (const [property, value] of Object.entries(outcome)) {
          if (!indexed.includes(property) || value === undefined || typeof value === "object") continue;
          const match = `${property} ${valueBytes(value)}`;
          counts.set(match, (counts.get(match) ?? 0) + orders.length);
        }
      });
      await fc.assert(converges, { numRuns: sets });
      for (const [match, count] of counts) {
        const [property = "", value = ""] = match.split(" ");
        const equals = [Buffer.from(value, "hex")];
        expect([match, await registry.count({ match: { property: Buffer.from(property), equals } })]).toEqual([
          match,
          count,
        ]);
      }
      expect(await verified(opened.url)).toMatchObject({ status: 0, findings: [], summary: { users } });
    }, 120_000);
  });
}
