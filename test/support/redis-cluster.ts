/** A real Redis Cluster on 127.0.0.1: primaries, each with replicas of its own. */
import { Redis } from "ioredis";
import { type RedisOptions, type RedisProcess, startRedis } from "./redis.ts";
import { until } from "./until.ts";

const slotCount = 16_384;

export interface ClusterNode {
  readonly process: RedisProcess;
  /** A connection for the test's own use, made again when it breaks. */
  readonly admin: Redis;
  /** The node's id in the cluster. */
  readonly id: string;
}

export interface RedisCluster {
  /** `redis+cluster://127.0.0.1:port,…` with every node. */
  readonly url: string;
  readonly nodes: readonly ClusterNode[];
  /** The nodes that are primaries with slots now, as a node that answers sees it. */
  primaries(): Promise<readonly ClusterNode[]>;
  /** The primary of a slot now. */
  primaryOf(slot: number): Promise<ClusterNode>;
  /** Begins to move a slot to another primary: until it is finished, both serve the keys that they have. */
  startMove(slot: number, to: ClusterNode): Promise<SlotMove>;
  /** Resolves once every node that runs finds the cluster whole, and every primary has replicas in step. */
  whole(): Promise<void>;
  stop(): Promise<void>;
}

interface SlotMove {
  /** Moves some keys. */
  move(keys: readonly string[]): Promise<void>;
  /** Moves the rest of the keys, and gives the slot to its new primary. */
  finish(): Promise<void>;
}

interface ClusterOptions extends Pick<RedisOptions, "args"> {
  readonly primaries?: number;
  /** Of each primary. */
  readonly replicas?: number;
  /** How long a node may be silent before it counts as gone. */
  readonly nodeTimeoutMs?: number;
}

export async function startCluster(options: ClusterOptions = {}): Promise<RedisCluster> {
  const { primaries = 3, replicas = 1, nodeTimeoutMs = 1_000, args = [] } = options;
  const processes = await Promise.all(
    Array.from({ length: primaries * (1 + replicas) }, () =>
      startRedis({
        args: [
          ...["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf"],
          ...["--cluster-node-timeout", String(nodeTimeoutMs)],
          // A replica may follow on however long it was cut off: which of two failures came first does not matter here.
          ...["--cluster-replica-validity-factor", "0", "--repl-diskless-sync-delay", "0"],
          ...args,
        ],
      }),
    ),
  );
  const nodes = await Promise.all(processes.map(connectTo));
  const heads = nodes.slice(0, primaries);
  const [first] = heads;
  if (first === undefined) throw new Error("a cluster has one primary at least");
  await Promise.all(
    heads.map(({ admin }, index) => {
      const from = Math.floor((slotCount * index) / primaries);
      const to = Math.floor((slotCount * (index + 1)) / primaries) - 1;
      return admin.cluster("ADDSLOTSRANGE", from, to);
    }),
  );
  await Promise.all(nodes.map(({ admin }, index) => admin.call("CLUSTER", "SET-CONFIG-EPOCH", index + 1)));
  for (const { process } of nodes.slice(1)) await first.admin.cluster("MEET", "127.0.0.1", process.port);
  await until(async () => {
    const known = await Promise.all(nodes.map(({ admin }) => knownNodes(admin)));
    if (known.some((count) => count !== nodes.length)) throw new Error("the nodes do not know one another yet");
  });
  await Promise.all(
    nodes.slice(primaries).map(({ admin }, index) => admin.cluster("REPLICATE", heads[index % primaries]?.id ?? "")),
  );

  const running = async () => {
    const answered = await Promise.all(nodes.map(async (node) => ({ node, role: await roleOf(node.admin) })));
    return answered.filter(({ role }) => role !== undefined);
  };
  const primariesNow = async () => {
    const slots = await anySlots(nodes);
    const ids = new Set(slots.map(({ id }) => id));
    return nodes.filter(({ id }) => ids.has(id));
  };
  const cluster: RedisCluster = {
    url: `redis+cluster://${nodes.map(({ process }) => `127.0.0.1:${process.port}`).join(",")}`,
    nodes,
    primaries: primariesNow,
    async primaryOf(slot) {
      const owner = (await anySlots(nodes)).find(({ from, to }) => from <= slot && slot <= to);
      const node = nodes.find(({ id }) => id === owner?.id);
      if (node === undefined) throw new Error(`nobody has slot ${slot}`);
      return node;
    },
    async startMove(slot, to) {
      const from = await cluster.primaryOf(slot);
      await to.admin.cluster("SETSLOT", slot, "IMPORTING", from.id);
      await from.admin.cluster("SETSLOT", slot, "MIGRATING", to.id);
      const migrate = (keys: readonly string[]) =>
        from.admin.call("MIGRATE", "127.0.0.1", to.process.port, "", 0, 5_000, "KEYS", ...keys);
      return {
        async move(keys) {
          await migrate(keys);
        },
        async finish() {
          for (;;) {
            const keys = await from.admin.cluster("GETKEYSINSLOT", slot, 50);
            if (keys.length === 0) break;
            await migrate(keys);
          }
          // The new primary first: else neither would have the slot for a moment.
          await to.admin.cluster("SETSLOT", slot, "NODE", to.id);
          await from.admin.cluster("SETSLOT", slot, "NODE", to.id);
        },
      };
    },
    whole: () =>
      until(async () => {
        for (const { node, role } of await running()) {
          const info = String(await node.admin.call("CLUSTER", "INFO"));
          if (!info.includes("cluster_state:ok")) throw new Error("a node finds the cluster incomplete");
          if (role !== "master") continue;
          const replication = await node.admin.info("replication");
          const inStep = [...replication.matchAll(/slave\d+:.*state=online/g)].length;
          const owns = (await primariesNow()).includes(node);
          if (owns && inStep < replicas) throw new Error("a primary has too few replicas in step");
        }
      }, 30_000),
    async stop() {
      for (const { admin } of nodes) admin.disconnect();
      await Promise.all(processes.map((process) => process.stop()));
    },
  };
  await cluster.whole();
  return cluster;
}

async function connectTo(process: RedisProcess): Promise<ClusterNode> {
  const admin = new Redis(process.url, {
    maxRetriesPerRequest: 0,
    enableOfflineQueue: true,
    commandTimeout: 1_000,
    retryStrategy: () => 20,
  });
  admin.on("error", () => {});
  return { process, admin, id: String(await admin.call("CLUSTER", "MYID")) };
}

async function knownNodes(admin: Redis): Promise<number> {
  const info = String(await admin.call("CLUSTER", "INFO"));
  return Number(/cluster_known_nodes:(\d+)/.exec(info)?.[1]);
}

/** `master` or `slave`; undefined if the node does not answer. */
async function roleOf(admin: Redis): Promise<string | undefined> {
  try {
    return String((await admin.role())[0]);
  } catch {
    return undefined;
  }
}

interface SlotRange {
  readonly from: number;
  readonly to: number;
  /** Of the primary. */
  readonly id: string;
}

/** The slots as the first node that answers and sees the cluster whole knows them. */
async function anySlots(nodes: readonly ClusterNode[]): Promise<readonly SlotRange[]> {
  for (const { admin } of nodes) {
    try {
      if (!String(await admin.call("CLUSTER", "INFO")).includes("cluster_state:ok")) continue;
      const ranges = await admin.cluster("SLOTS");
      return ranges.map(([from, to, primary]) => ({ from, to, id: primary?.[2] ?? "" }));
    } catch {
      // Another knows.
    }
  }
  throw new Error("no node finds the cluster whole");
}
