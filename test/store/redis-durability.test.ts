/** What an answer says where replicas are waited for, and where answers of Redis are lost. */
import { expect, onTestFinished, test } from "vitest";
import { applied, command, deletion, userId } from "../support/commands.ts";
import { startCuttingProxy } from "../support/cutting-proxy.ts";
import { redisWith, storeIn } from "../support/for-one-test.ts";
import { until } from "../support/until.ts";

const unavailable = { reason: "STORE_UNAVAILABLE" };

test("what too few replicas have is STORE_UNAVAILABLE, whether it changes anything or not", async () => {
  const primary = await redisWith();
  const replica = await redisWith("--replicaof", `127.0.0.1 ${primary.port}`, "--repl-diskless-sync-delay", "0");
  const waiting = await storeIn(primary.url, { redisWaitReplicas: 1 });
  const notWaiting = await storeIn(primary.url);
  const created = command("u", { n: 1 });
  await until(() => waiting.write([created]).then(([result]) => applied(result).outcome === "created"));

  replica.kill("SIGSTOP");
  await expect(waiting.write([command("u", { n: 2 })])).rejects.toMatchObject(unavailable);
  // What was found was written by the command before, which the replica does not have.
  await expect(waiting.write([command("u", { n: 2 })])).rejects.toMatchObject(unavailable);
  await expect(waiting.write([command("u", { n: 3 }, { precondition: { exists: false } })])).rejects.toMatchObject(
    unavailable,
  );
  const [unchanged] = await notWaiting.write([command("u", { n: 2 })]);
  expect(applied(unchanged).outcome).toBe("unchanged");
  expect(await waiting.get([userId("u")])).toHaveLength(1);

  replica.kill("SIGCONT");
  await until(() =>
    waiting.write([command("u", { n: 2 })]).then(([result]) => applied(result).outcome === "unchanged"),
  );
});

test("a call that was answered STORE_UNAVAILABLE is not executed afterwards", async () => {
  const redis = await redisWith();
  const store = await storeIn(redis.url);
  await until(() => store.check().then(() => true));
  await store.write([command("u", { n: 1 })]);
  redis.kill("SIGSTOP");
  // What Redis finds in its sockets when it goes on is past its time.
  await expect(store.write([command("u", { n: 2 }), command("v", { n: 1 })])).rejects.toMatchObject(unavailable);
  redis.kill("SIGCONT");
  await until(() => store.check().then(() => true));
  expect(await store.get([userId("v")])).toEqual([undefined]);
  expect(applied((await store.write([command("u", { n: 1 })]))[0]).outcome).toBe("unchanged");
});

test("a user who is created and deleted in a list whose answer is lost is gone", async () => {
  const redis = await redisWith();
  let cutsNext = false;
  const proxy = await startCuttingProxy(redis.port, () => {
    const cuts = cutsNext;
    cutsNext = false;
    return cuts;
  });
  onTestFinished(() => proxy.stop());
  const store = await storeIn(`redis://127.0.0.1:${proxy.port}`);
  await until(() => store.write([command("other", { n: 1 })]).then(() => true));
  cutsNext = true;
  const results = await store.write([command("u", { n: 1 }), deletion("u")]);
  expect(results.map((result) => applied(result).outcome)).toEqual(["created", "deleted"]);
  expect(proxy.cuts).toBe(1);
  expect(await store.get([userId("u")])).toEqual([undefined]);
  expect(await store.list(undefined, 10)).toEqual(["other"]);
});

test("a conditional write is in doubt where another has written before it could be repeated", async () => {
  const redis = await redisWith();
  const other = await storeIn(redis.url);
  let cutsNext = false;
  const proxy = await startCuttingProxy(redis.port, async () => {
    if (!cutsNext) return false;
    cutsNext = false;
    await other.write([command("u", { n: 3 })]);
    return true;
  });
  onTestFinished(() => proxy.stop());
  const store = await storeIn(`redis://127.0.0.1:${proxy.port}`);
  const created = command("u", { n: 1 });
  await until(() => store.write([created]).then(() => true));
  cutsNext = true;
  const inDoubt = await store.write([command("u", { n: 2 }, { precondition: { etag: created.etag } })]);
  expect(proxy.cuts).toBe(1);
  expect(inDoubt).toEqual([{ refused: "uncertain" }]);
});
