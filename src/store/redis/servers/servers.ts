import type { RedisNode } from "./node.ts";

/** The servers of all partitions. */
export interface Servers {
  /** Whether a script may use the keys of one partition only. */
  readonly partitioned: boolean;
  /** One partition of each known server. */
  partitionOfEach(): readonly number[];
  /**
   * The server of a partition, according to the latest knowledge.
   *
   * @throws NotSentError if none is known
   */
  nodeOf(partition: number): RedisNode;
  /**
   * The server that another one named by MOVED or ASK.
   *
   * @param reply `MOVED 3999 127.0.0.1:6381`; without a host, it is that of `from`
   * @throws NotSentError if `from` is not the expected server; Error if the store is not a cluster
   */
  redirected(partition: number, reply: string, from: RedisNode): RedisNode;
  /** Must be called after a failure, because the map of servers may be out of date. */
  refresh(): void;
  /** Every known server that takes writes. */
  primaries(): readonly RedisNode[];
  close(): void;
}
