/**
 * From 0.1 to 0.2 over Redis and back, as docs/upgrades.md#from-01-to-02 says, while writers write through the servers that serve. No
 * call of theirs fails.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Code } from "@connectrpc/connect";
import { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { createRollcallClient, type RollcallClient } from "../../src/client/index.ts";
import { createKeys } from "../../src/store/redis/keys.ts";
import { temporaryFolder } from "../support/files.ts";
import { redisWith } from "../support/for-one-test.ts";
import { rollcall } from "../support/processes.ts";
import { createUser } from "../support/redis-users.ts";
import { ada, startTestServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";
import { clean, starts, verifiedByBoth } from "./both-versions.ts";
import {
  allOff,
  allSealed,
  allUnsealed,
  brokenSealsOf,
  config,
  configure,
  confirmed,
  featuresOf,
  switched,
} from "./features.ts";
import { expectFinds } from "./finds.ts";
import { type Step, writeThroughout } from "./mixed-fleet.ts";

const rulesOf01 =
  "reset on >OLD ~rollcall:* +del +eval +evalsha +exists +expire +hmget +hset +persist +set +time +zadd +zrangebylex +zrem";
const upgrades = readFileSync(new URL("../../docs/upgrades.md", import.meta.url), "utf8");
/** What docs/upgrades.md says that 0.2 needs in addition. */
const [, newRules = ""] = /`ACL SETUSER rollcall ((?:\+\w+ ?)+)`. Keep `\+set`/.exec(upgrades) ?? [];
const healthy = { status: 0, stdout: "SERVING\n" };

test("servers are upgraded, forgotten ones shut out, features switched on and off, and all servers downgraded", {
  timeout: 240_000,
}, async () => {
  const redis = await redisWith();
  const admin = new Redis(redis.url);
  onTestFinished(() => admin.disconnect());
  const changeUser = (rules: string) => createUser(admin, rules.split(" "));
  await changeUser(rulesOf01);
  const at = (password: string) => redis.url.replace("//", `//rollcall:${password}@`);
  const passwordFile = join(temporaryFolder(), "password");
  writeFileSync(passwordFile, "OLD");
  const startPresent = async () => {
    const store = redis.url.replace("//", "//rollcall@");
    const server = await startTestServer({ store, redis: { redisPasswordFile: passwordFile } });
    onTestFinished(() => server.stop());
    return server;
  };

  const [a, b, forgotten] = await Promise.all([
    starts.old(at("OLD")),
    starts.old(at("OLD")),
    startForgotten(at("OLD")),
  ]);
  const present: TestServer[] = [];
  /** A feature is switched on, servers go on with it, and it is switched off. */
  const switchedSteps = (feature: keyof typeof switched): Step[] => [
    async function enabled(fleet) {
      const { on } = switched[feature];
      const { generation } = (await config(at("NEW"), "show")).answer;
      const refused = await configure(at("NEW"), on);
      expect(refused).toMatchObject({ status: 1, stderr: expect.stringContaining("--all-servers-are 0.2") });
      expect(await config(at("NEW"), "show")).toMatchObject({ answer: { generation } });
      const enabling = await configure(at("NEW"), [...on, ...confirmed]);
      expect(enabling).toMatchObject({ status: 0, answer: { generation: generation + 1 } });
      const clients = [...fleet.clients.values()];
      // The next write already, through each server.
      for (const users of clients) expect(await isWrittenSealed(users, admin)).toBe(true);
      expect(await featuresOf(clients, generation + 1)).toEqual([[feature], [feature]]);
      await expect(forgotten.count()).rejects.toMatchObject({ code: Code.Unavailable });
      for (const users of clients) await allSealed(at("NEW"), users);
      if (feature === "indexes") await expectFinds(clients);
    },
    // Reads and writes go on with all seals there.
    async () => expect(await verifiedByBoth(redis.url)).toEqual(clean),
    async function disabled(fleet) {
      expect(await configure(at("NEW"), switched[feature].off)).toMatchObject({ status: 0 });
      expect(await featuresOf(fleet.clients.values(), await allOff(at("NEW")))).toEqual([[], []]);
      await allUnsealed(admin);
    },
  ];
  await writeThroughout({ a: a.url, b: b.url }, [
    async function permissions() {
      const server = await startPresent();
      present.push(server);
      const reason = expect.stringContaining(`the user needs ${newRules};`);
      await until(() => expect(server.logs).toContainEqual(expect.objectContaining({ reason })));
      expect(await healthOf(server)).toMatchObject({ stdout: "NOT_SERVING\n" });
      await changeUser(newRules);
      const again = expect.objectContaining({ msg: "the store is available again" });
      await until(() => expect(server.logs).toContainEqual(again));
      expect(await healthOf(server)).toMatchObject(healthy);
    },
    async function replaced(fleet) {
      fleet.join("A", present[0]?.url ?? "");
      await fleet.leave("a");
      expect(await a.stop()).toBe(0);
      const server = await startPresent();
      present.push(server);
      expect(await healthOf(server)).toMatchObject(healthy);
      fleet.join("B", server.url);
      await fleet.leave("b");
      expect(await b.stop()).toBe(0);
      const shown = await config(at("OLD"), "show");
      expect(shown.answer).toMatchObject({ made_by: "0.1", generation: 0, deviations: [] });
    },
    async function fenced(fleet) {
      await forgotten.count();
      await changeUser(">NEW");
      writeFileSync(passwordFile, "NEW");
      const readAgain = expect.objectContaining({ msg: expect.stringContaining("a password of Redis was read again") });
      for (const { logs } of present) await until(() => expect(logs).toContainEqual(readAgain));
      await changeUser("<OLD");
      await admin.call("CLIENT", "KILL", "USER", "rollcall", "SKIPME", "yes");
      await expect(forgotten.count()).rejects.toMatchObject({ code: Code.Unavailable });
      await changeUser("-set");
      await fleet.goesOn();
      // One that has the new password is not ready without this permission.
      const late = await starts.old(at("NEW"), "--log-level", "silent");
      expect(await healthOf(late)).toMatchObject({ stdout: "NOT_SERVING\n" });
      await changeUser("+set");
      await until(async () => expect(await healthOf(late)).toMatchObject(healthy));
      await changeUser("-set");
      await until(async () => expect(await healthOf(late)).toMatchObject({ stdout: "NOT_SERVING\n" }));
      expect(await late.stop()).toBe(0);
      await forgotten.isKept(present[0]?.url ?? "");
    },
    ...switchedSteps("rehearsal"),
    ...switchedSteps("indexes"),
    async function downgraded(fleet) {
      await changeUser("+set");
      for (const [name, server] of [["A", present[0]] as const, ["B", present[1]] as const]) {
        const old = await starts.old(at("NEW"));
        fleet.join(`${name} in 0.1`, old.url);
        await fleet.leave(name);
        expect(await brokenSealsOf(server)).toBe(0);
        await server?.drain();
      }
    },
  ]);
  expect(await verifiedByBoth(redis.url)).toEqual(clean);
});

async function isWrittenSealed(users: RollcallClient, admin: Redis): Promise<boolean> {
  const id = "fleet sealed";
  await users.identify({ id, properties: { ...ada } });
  const isSealed = await admin.hexists(createKeys("rollcall:").user(id), "f");
  await users.deleteUser({ id });
  return isSealed === 1;
}

async function healthOf({ url }: { readonly url: string }) {
  return rollcall(["health", "--server", url]);
}

/** A server that nobody has thought of, with a caller of its own. */
async function startForgotten(store: string) {
  // It logs that Redis has shut it out.
  const { url } = await starts.old(store, "--log-level", "silent");
  const id = "fleet forgotten";
  let acknowledged = 0;
  const users = createRollcallClient({ server: url, retries: false });
  return {
    async count(): Promise<void> {
      await users.identify({ id, properties: { ...ada, n: acknowledged + 1 } }, { timeoutMs: 5_000 });
      acknowledged++;
    },
    /** What it has written is there, through another server, which deletes it then. */
    async isKept(server: string): Promise<void> {
      const others = createRollcallClient(server);
      const { user } = await others.getUser({ id });
      expect(user?.properties).toEqual({ ...ada, n: acknowledged });
      await others.deleteUser({ id });
    },
  };
}
