/** From 0.1 to 0.2 over SQLite and back, as docs/upgrades.md#from-01-to-02 says: stop, replace, start. Callers retry meanwhile. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../support/files.ts";
import { rollcallOld } from "../support/old-version.ts";
import { rollcall } from "../support/processes.ts";
import { startTestServer } from "../support/server.ts";
import { clean, starts, verifiedByBoth } from "./both-versions.ts";
import { allSealed, brokenSealsOf, config, confirmed, featuresOf } from "./features.ts";
import type { Fleet } from "./fleet.ts";
import { writeThroughout } from "./mixed-fleet.ts";

test("a server is upgraded, a feature switched on and off, and the server downgraded", {
  timeout: 90_000,
}, async () => {
  const store = `sqlite:${join(temporaryFolder(), "users.db")}`;
  const old = await starts.old(store);
  /** Runs a server of 0.2 for a while. */
  const serve = async (fleet: Fleet, work: () => Promise<void>) => {
    const server = await startTestServer({ store });
    try {
      fleet.join("present", server.url);
      await work();
      expect(await brokenSealsOf(server)).toBe(0);
    } finally {
      await fleet.leave("present");
      await server.stop();
    }
  };

  await writeThroughout({ old: old.url }, [
    async function stopped(fleet) {
      await fleet.leave("old");
      expect(await old.stop()).toBe(0);
    },
    (fleet) =>
      serve(fleet, async () => {
        await fleet.goesOn();
        const refused = await config(store, "enable", "rehearsal");
        expect(refused).toMatchObject({ status: 1, stderr: expect.stringContaining("--all-servers-are 0.2") });
        expect(await config(store, "show")).toMatchObject({ answer: { made_by: "0.1", generation: 0 } });
        const enabled = await config(store, "enable", "rehearsal", ...confirmed);
        expect(enabled).toMatchObject({ status: 0, answer: { generation: 1 } });
        expect(await featuresOf(fleet.clients.values(), 1)).toEqual([["rehearsal"]]);
        for (const users of fleet.clients.values()) await allSealed(store, users);
      }),
    async function refused() {
      const listen = ["--listen", "127.0.0.1:0"];
      const { status, stderr } = await rollcallOld(["serve", "--store", store, ...listen]);
      expect(status).toBe(1);
      expect(stderr).toContain("has layout version 2, not 1: start the version of Rollcall that wrote it");
      expect(await rollcall(["verify", "--store", store])).toMatchObject({ status: 0, stdout: "" });
    },
    (fleet) =>
      serve(fleet, async () => {
        await fleet.goesOn();
        const { answer } = await config(store, "disable", "rehearsal");
        expect(await featuresOf(fleet.clients.values(), answer.generation)).toEqual([[]]);
        await fleet.goesOn();
      }),
    async function downgraded(fleet) {
      fleet.join("old again", (await starts.old(store)).url);
    },
  ]);
  expect(await verifiedByBoth(store)).toEqual(clean);
});
