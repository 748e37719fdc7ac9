import type { RedisNode } from "./node.ts";

/** The servers that keep the partitions of the users. */
export interface Servers {
  /** Whether one script may touch one partition only. */
  readonly partitioned: boolean;
  /** A partition of each server, as far as is known now. */
  partitionOfEach(): readonly number[];
  /**
   * The server of a partition, as far as is known now.
   *
   * @throws NotSentError if none is known
   */
  nodeOf(partition: number): RedisNode;
  /**
   * The server that another named in its place, by MOVED or ASK.
   *
   * @param reply `MOVED 3999 127.0.0.1:6381`; without a host, that of `from`
   * @throws NotSentError where `from` is not the server that it was taken for; Error if servers that know of others
   * are not expected
   */
  redirected(partition: number, reply: string, from: RedisNode): RedisNode;
  /** After a failure: what is known of the servers may be out of date. */
  refresh(): void;
  /** Every server that takes writes, as far as is known now. */
  primaries(): readonly RedisNode[];
  close(): void;
}
