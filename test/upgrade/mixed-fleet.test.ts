/** This version and the one before it serve one store side by side. */
import { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { clean, emptyStores, starts, verifiedByBoth } from "./both-versions.ts";
import { writeThroughout } from "./mixed-fleet.ts";

test("what is written through both is there in both, while servers are upgraded and downgraded", {
  timeout: 60_000,
}, async () => {
  const store = await emptyStores.Redis();
  const [old, present] = await Promise.all([starts.old(store), starts.present(store)]);
  await writeThroughout({ old: old.url, present: present.url }, [
    async (fleet) => {
      await fleet.leave("old");
      expect(await old.stop()).toBe(0);
    },
    async (fleet) => {
      const again = await starts.old(store);
      fleet.join("old again", again.url);
    },
    async (fleet) => {
      await fleet.leave("present");
      expect(await present.stop()).toBe(0);
    },
  ]);
  expect(await verifiedByBoth(store)).toEqual(clean);
});

test("users that are lost meanwhile are noticed", async () => {
  const store = await emptyStores.Redis();
  const present = await starts.present(store);
  const admin = new Redis(store);
  onTestFinished(() => admin.disconnect());
  const lost = writeThroughout({ present: present.url }, [() => admin.flushall()]);
  await expect(lost).rejects.toThrow(/ETAG_MISMATCH|USER_NOT_FOUND|fleet|deep-equal/);
});
