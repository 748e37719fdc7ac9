/** Under which configuration scripts look at the indexes of partitions in Redis. */
import { expect, onTestFinished, test } from "vitest";
import { parseStoreLocation } from "../../src/config/store-url.ts";
import { formatConfiguration, parseConfiguration, withIndexes } from "../../src/store/configuration.ts";
import { agreedOn } from "../../src/store/redis/configuration/agreement.ts";
import { KnownConfigurations } from "../../src/store/redis/configuration/known-configurations.ts";
import { createKeys, everyPartition } from "../../src/store/redis/keys.ts";
import { openServers } from "../../src/store/redis/redis-store.ts";
import { createRunUnder } from "../../src/store/redis/run-under.ts";
import { loadScript } from "../../src/store/redis/script.ts";
import { openIndexed } from "../support/indexed-redis.ts";
import { startRedis } from "../support/redis.ts";

test("no script runs over a partition that has another configuration of the same generation", async () => {
  const { servers: redisServers, administration, redis } = await openIndexed(startRedis(), "email");
  const location = parseStoreLocation(redisServers.url);
  if (location.kind === "sqlite") throw new Error("users are in Redis");
  const keys = createKeys("rollcall:");
  const servers = openServers({
    ...{ location, keyPrefix: "rollcall:", waitReplicas: 0, natMap: new Map(), onConnectionError: () => {} },
    ...{ tls: undefined, passwords: { server: undefined, sentinel: undefined }, sentinelUsername: undefined },
  });
  onTestFinished(() => servers.close());
  const known = new KnownConfigurations(servers, keys, parseConfiguration);
  const runUnder = createRunUnder({ servers, keys, known, configuration: () => undefined });
  const script = loadScript("wrong-type", "configuration", "count-entries");
  const count = (generation: number) => runUnder(generation, everyPartition, script, () => ["indexes", "-", "+"]);

  const { current } = await administration.read();
  if (current.configuration === undefined) throw new Error("the store has no configuration");
  const { configuration: other } = withIndexes(current.configuration, [{ property: "phone", folded: false }]);
  const { generation } = current.configuration;
  // The other partitions have a greater stamp, so theirs is the store's.
  const configuration = formatConfiguration({ ...other, generation });
  await redis.hset(keys.configuration(0), { stamp: `${generation}.`, configuration });
  await known.readAll();
  expect(agreedOn(known.all)?.stamp).toBe(current.stamp);

  expect(await count(generation)).toBeUndefined();
  // The partition has been mended.
  const { configuration: mended } = agreedOn(known.all) ?? {};
  expect(new Set(known.all.map(({ stamp }) => stamp)).size).toBe(1);
  expect(await count(mended?.generation ?? -1)).toHaveLength(1);
});
