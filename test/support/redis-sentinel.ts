/** Real Redis servers, a primary and replicas, that three real Sentinels watch over, on 127.0.0.1. */
import { Redis } from "ioredis";
import { type RedisOptions, type RedisProcess, startRedis } from "./redis.ts";
import { until } from "./until.ts";

const sentinelCount = 3;
const name = "users";

interface WatchedServer {
  readonly process: RedisProcess;
  /** A connection for the test's own use, made again when it breaks. */
  readonly admin: Redis;
}

export interface SentinelGroup {
  /** `redis+sentinel://127.0.0.1:port,…/users` */
  readonly url: string;
  readonly servers: readonly WatchedServer[];
  readonly sentinels: readonly RedisProcess[];
  /** The server that the Sentinels say is the primary. */
  primary(): Promise<WatchedServer>;
  /** Resolves once the Sentinels know one another and the primary has every replica in step. */
  whole(): Promise<void>;
  stop(): Promise<void>;
}

export interface SentinelOptions extends Pick<RedisOptions, "args"> {
  readonly replicas?: number;
  /** How long the primary may be silent before it counts as gone. */
  readonly downAfterMs?: number;
}

export async function startSentinels(options: SentinelOptions = {}): Promise<SentinelGroup> {
  const { replicas = 1, downAfterMs = 1_000, args = ["--repl-diskless-sync-delay", "0"] } = options;
  const first = await startRedis({ args });
  const others = await Promise.all(
    Array.from({ length: replicas }, () => startRedis({ args: [...args, "--replicaof", `127.0.0.1 ${first.port}`] })),
  );
  const servers = [first, ...others].map((process) => ({ process, admin: connectTo(process.url) }));
  const lines = [
    `sentinel monitor ${name} 127.0.0.1 ${first.port} 2`,
    `sentinel down-after-milliseconds ${name} ${downAfterMs}`,
    `sentinel failover-timeout ${name} 3000`,
  ];
  const sentinels = await Promise.all(Array.from({ length: sentinelCount }, () => startRedis({ sentinel: lines })));
  const watchers = sentinels.map(({ url }) => connectTo(url));

  const group: SentinelGroup = {
    url: `redis+sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(",")}/${name}`,
    servers,
    sentinels,
    async primary() {
      const address = await watchers[0]?.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name);
      const port = Array.isArray(address) ? Number(address[1]) : undefined;
      const server = servers.find(({ process }) => process.port === port);
      if (server === undefined) throw new Error(`nobody has port ${port}`);
      return server;
    },
    whole: () =>
      until(async () => {
        for (const watcher of watchers) {
          const known = await watcher.call("SENTINEL", "SENTINELS", name);
          if (!Array.isArray(known) || known.length !== sentinelCount - 1)
            throw new Error("the Sentinels do not know one another yet");
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
