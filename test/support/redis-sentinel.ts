/** Real Redis servers, a primary and replicas, that three real Sentinels watch over, on 127.0.0.1. */
import { Redis } from "ioredis";
import { type RedisOptions, type RedisProcess, startRedis } from "./redis.ts";
import { until } from "./until.ts";

const sentinelCount = 3;
const name = "users";

export interface WatchedServer {
  readonly process: RedisProcess;
  /** A connection for the test's own use, made again when it breaks. */
  readonly admin: Redis;
}

export interface SentinelGroup {
  /** `redis+sentinel://127.0.0.1:port,…/users` */
  readonly url: string;
  readonly servers: readonly WatchedServer[];
  readonly sentinels: readonly RedisProcess[];
  /** The server that all Sentinels say is the primary. Rejects while they disagree, as for a moment after a failover. */
  primary(): Promise<WatchedServer>;
  /** Tells the Sentinels to make a replica the primary. */
  failOver(): Promise<void>;
  /** Resolves once the Sentinels know one another and the primary has every replica in step. */
  whole(): Promise<void>;
  stop(): Promise<void>;
}

export interface SentinelOptions extends Pick<RedisOptions, "args"> {
  readonly replicas?: number;
  /** How long the primary may be silent before it counts as gone; Sentinels ask every second. */
  readonly downAfterMs?: number;
}

export async function startSentinels(options: SentinelOptions = {}): Promise<SentinelGroup> {
  const { replicas = 1, downAfterMs = 2_000, args = ["--repl-diskless-sync-delay", "0"] } = options;
  const first = await startRedis({ args });
  const others = await Promise.all(
    Array.from({ length: replicas }, () => startRedis({ args: [...args, "--replicaof", `127.0.0.1 ${first.port}`] })),
  );
  const servers = [first, ...others].map((process) => ({ process, admin: connectTo(process.url) }));
  // Sentinels look for replicas when they start, and then every ten seconds.
  const replication = () => servers[0]?.admin.info("replication");
  await until(async () => (await replication())?.split("state=online").length === 1 + replicas);
  // One finds the primary gone before the others do, and they vote for it: votes never split, and all goes quickly.
  const lines = (index: number) => [
    `sentinel monitor ${name} 127.0.0.1 ${first.port} 1`,
    `sentinel down-after-milliseconds ${name} ${downAfterMs * (1 + index)}`,
    `sentinel failover-timeout ${name} 3000`,
  ];
  const sentinels = await Promise.all(
    Array.from({ length: sentinelCount }, (_, index) => startRedis({ sentinel: lines(index) })),
  );
  const watchers = sentinels.map(({ url }) => connectTo(url));

  const group: SentinelGroup = {
    url: `redis+sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(",")}/${name}`,
    servers,
    sentinels,
    async primary() {
      const addresses = await Promise.all(
        watchers.map((watcher) => watcher.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name)),
      );
      const ports = new Set(addresses.map((address) => (Array.isArray(address) ? Number(address[1]) : undefined)));
      const [server, ...others] = servers.filter(({ process }) => ports.has(process.port));
      if (server === undefined || others.length > 0) throw new Error(`the Sentinels name ${[...ports].join(" and ")}`);
      return server;
    },
    async failOver() {
      await watchers[0]?.call("SENTINEL", "FAILOVER", name);
    },
    whole: () =>
      until(async () => {
        for (const watcher of watchers) {
          const known = await watcher.call("SENTINEL", "SENTINELS", name);
          if (!Array.isArray(known) || known.length !== sentinelCount - 1)
            throw new Error("the Sentinels do not know one another yet");
          const followers = await watcher.call("SENTINEL", "REPLICAS", name);
          if (!Array.isArray(followers) || followers.length < replicas)
            throw new Error("the Sentinels do not know the replicas yet");
        }
        const replication = await (await group.primary()).admin.info("replication");
        const inStep = [...replication.matchAll(/slave\d+:.*state=online/g)].length;
        if (!replication.includes("role:master") || inStep < replicas) throw new Error("replicas are not in step");
      }, 30_000),
    async stop() {
      for (const { admin } of servers) admin.disconnect();
      for (const watcher of watchers) watcher.disconnect();
      await Promise.all([...sentinels, ...servers.map(({ process }) => process)].map((process) => process.stop()));
    },
  };
  await group.whole();
  return group;
}

function connectTo(url: string): Redis {
  const admin = new Redis(url, { maxRetriesPerRequest: 0, commandTimeout: 1_000, retryStrategy: () => 20 });
  admin.on("error", () => {});
  return admin;
}
