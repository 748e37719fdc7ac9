/** From 0.1 to 0.2 over SQLite and back, as docs/upgrades.md#from-01-to-02 says: stop, replace, start. Callers retry meanwhile. */
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createRollcallClient } from "../../src/client/index.ts";
import { openBesideStore } from "../support/beside-store.ts";
import { temporaryFolder } from "../support/files.ts";
import { rollcallOld } from "../support/old-version.ts";
import { rollcall } from "../support/processes.ts";
import { ada, startTestServer } from "../support/server.ts";
import { until } from "../support/until.ts";
import { verified } from "../support/verified.ts";
import { clean, starts, verifiedByBoth } from "./both-versions.ts";
import {
  allOff,
  allSealed,
  brokenSealsOf,
  config,
  configure,
  confirmed,
  featuresOf,
  sweepTimeoutMs,
  switched,
} from "./features.ts";
import { expectFinds, expectInLine, expectNoneWrong } from "./finds.ts";
import type { Fleet } from "./fleet.ts";
import { type Step, writeThroughout } from "./mixed-fleet.ts";

test("a server is upgraded, features switched on and off, and the server downgraded", {
  timeout: 120_000,
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

  /** A feature is switched on; 0.1 refuses the store then; and the feature is switched off. */
  const switchedSteps = (feature: keyof typeof switched): Step[] => [
    (fleet) =>
      serve(fleet, async () => {
        await fleet.goesOn();
        const { on } = switched[feature];
        const { generation } = (await config(store, "show")).answer;
        const refused = await configure(store, on);
        expect(refused).toMatchObject({ status: 1, stderr: expect.stringContaining("--all-servers-are 0.2") });
        expect(await config(store, "show")).toMatchObject({ answer: { made_by: "0.1", generation } });
        const enabled = await configure(store, [...on, ...confirmed]);
        expect(enabled).toMatchObject({ status: 0, answer: { generation: generation + 1 } });
        const clients = [...fleet.clients.values()];
        expect(await featuresOf(clients, generation + 1)).toEqual([[feature]]);
        for (const users of clients) await allSealed(store, users);
        if (feature === "indexes") await expectFinds(clients);
        await fleet.goesOn();
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
        expect(await configure(store, switched[feature].off)).toMatchObject({ status: 0 });
        expect(await featuresOf(fleet.clients.values(), await allOff(store))).toEqual([[]]);
        await fleet.goesOn();
      }),
  ];

  await writeThroughout({ old: old.url }, [
    async function stopped(fleet) {
      await fleet.leave("old");
      expect(await old.stop()).toBe(0);
    },
    ...switchedSteps("rehearsal"),
    ...switchedSteps("indexes"),
    async function downgraded(fleet) {
      fleet.join("old again", (await starts.old(store)).url);
    },
  ]);
  expect(await verifiedByBoth(store)).toEqual(clean);
  // What docs/upgrades.md says that remains.
  const database = openBesideStore(store.slice("sqlite:".length), { readOnly: true });
  const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").all();
  database.close();
  expect(tables.map(({ name }) => name)).toEqual(["store", "sweep", "user"]);
});

test("a server of 0.1 that was not stopped leaves entries behind: nobody is found by them, and the check of all users mends them", {
  timeout: 90_000,
}, async () => {
  const store = `sqlite:${join(temporaryFolder(), "users.db")}`;
  const forgotten = await starts.old(store);
  const old = createRollcallClient(forgotten.url);
  const values = [ada.email, "new@example.com", "free", "pro"];
  const ids = ["changed", "unset", "deleted", "again", "kept"];
  for (const id of ids) await old.identify({ id, properties: { ...ada, plan: "free" } });
  const startPresent = async () => {
    const server = await startTestServer({ store });
    onTestFinished(() => server.stop());
    return { server, present: createRollcallClient(server.url) };
  };
  const { server, present } = await startPresent();
  expect(await configure(store, [...switched.indexes.on, ...confirmed])).toMatchObject({ status: 0 });
  await allSealed(store, present);
  await expectInLine(present, values);

  await old.identify({ id: "changed", properties: { plan: "pro" } });
  await old.identify({ id: "unset", unset: ["plan"] });
  for (const id of ["deleted", "again"]) await old.deleteUser({ id });
  for (const id of ["again", "created"]) await old.identify({ id, properties: { ...ada, email: "new@example.com" } });
  expect(await forgotten.stop()).toBe(0);
  const checksOf = async (id: string) =>
    (await verified(store)).findings.flatMap((each) => (each.id === id ? each.check : []));
  for (const id of ["changed", "unset", "again", "created"]) expect(await checksOf(id), id).toContain("seal");
  // One in each index.
  expect(await checksOf("deleted")).toEqual(["entries", "entries"]);
  expect(await checksOf("kept")).toEqual([]);
  await expectNoneWrong(present, values);
  await server.drain();

  // The next server checks as an hour later.
  const database = openBesideStore(store.slice("sqlite:".length));
  database.exec("UPDATE sweep SET done = 0");
  database.close();
  const next = await startPresent();
  await until(async () => (await verified(store)).findings.length === 0, sweepTimeoutMs);
  expect(await brokenSealsOf(next.server)).toBe(4);
  await expectInLine(next.present, values);
});
