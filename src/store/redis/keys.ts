/**
 * Makes the names of all keys.
 *
 * Users are spread over 64 partitions. A user's partition is the top six bits of the hash slot of its id, the CRC16 of the
 * whole id (braces in it have no meaning). All keys of a partition have its hash tag, a string whose slot lies in the same
 * sixty-fourth of the slots. So one script may use a partition's users, its listing and its indexes, and partitions are spread evenly over
 * a cluster. Source of slots and tags: https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/
 */

export const partitionCount = 64;
export const everyPartition: readonly number[] = Array.from({ length: partitionCount }, (_, partition) => partition);
const slotCount = 16_384;
const slotsInPartition = slotCount / partitionCount;

const crcTable = Uint16Array.from({ length: 256 }, (_, index) => {
  let crc = index << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc;
});

/** The partition of a user, 0 to 63. */
export function partitionOf(id: string): number {
  return Math.floor((crc16(id) % slotCount) / slotsInPartition);
}

/** The hash tag of each partition: the first of aa, ab, … zz whose slot lies in the partition. */
export const partitionTags: readonly string[] = (() => {
  const letters = [..."abcdefghijklmnopqrstuvwxyz"];
  const tags = new Map<number, string>();
  for (const tag of letters.flatMap((first) => letters.map((second) => first + second))) {
    const partition = partitionOf(tag);
    if (!tags.has(partition)) tags.set(partition, tag);
  }
  return Array.from({ length: partitionCount }, (_, partition) => {
    const tag = tags.get(partition);
    if (tag === undefined) throw new Error(`no tag falls into partition ${partition}`);
    return tag;
  });
})();

/** The hash slot of all keys of a partition. */
export function slotOf(partition: number): number {
  return crc16(partitionTags[partition] ?? "") % slotCount;
}

/** The keys with one prefix. */
export interface Keys {
  /**
   * A hash: `properties` (a google.protobuf.Struct), `meta`, and optionally `preferences`, `observed`, the seal `f`, and what the
   * user's entries in indexes begin with, `i`.
   */
  user(id: string): string;
  /** The same key, if the partition is known. */
  userIn(partition: number, id: string): string;
  /** How many bytes are before the id in the key of a user. */
  readonly bytesBeforeId: number;
  /** The store's configuration, the same in every partition: a hash with `stamp` and `configuration`. */
  configuration(partition: number): string;
  /** How far background work has come: a hash with `walk`, `after` and `done`, and in the first partition `lease`. */
  sweep(partition: number): string;
  /** The deletions that a partition has done lately: a sorted set of their etags, by their times. */
  tombstones(partition: number): string;
  /** The listing of a partition: a sorted set of its users' ids, all with score 0, in byte order. */
  ids(partition: number): string;
  /** The entries of users in all indexes: a sorted set, all with score 0, in byte order. See entry-homes.ts for whose they are. */
  entries(partition: number): string;
  /** A key of each kind in a partition. The first never exists. */
  examples(partition: number): readonly [string, ...string[]];
}

/** @param prefix without braces, which Redis would take for the hash tag */
export function createKeys(prefix: string): Keys {
  const heads = partitionTags.map((tag) => `${prefix}{${tag}}:`);
  return {
    user: (id) => `${heads[partitionOf(id)]}user:${id}`,
    userIn: (partition, id) => `${heads[partition]}user:${id}`,
    bytesBeforeId: Buffer.byteLength(`${heads[0]}user:`),
    configuration: (partition) => `${heads[partition]}configuration`,
    sweep: (partition) => `${heads[partition]}sweep`,
    tombstones: (partition) => `${heads[partition]}tombstones`,
    ids: (partition) => `${heads[partition]}ids`,
    entries: (partition) => `${heads[partition]}entries`,
    // No user has an empty id.
    examples: (partition) => [
      `${heads[partition]}user:`,
      `${heads[partition]}ids`,
      `${heads[partition]}entries`,
      `${heads[partition]}configuration`,
      `${heads[partition]}sweep`,
      `${heads[partition]}tombstones`,
    ],
  };
}

/** The CRC that Redis Cluster uses, of a text in UTF-8: CRC-16/XMODEM, polynomial 0x1021. */
export function crc16(text: string): number {
  let crc = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x80) return crc16OfBytes(Buffer.from(text, "utf8"));
    crc = withByte(crc, unit);
  }
  return crc;
}

function crc16OfBytes(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) crc = withByte(crc, byte);
  return crc;
}

function withByte(crc: number, byte: number): number {
  return ((crc << 8) & 0xffff) ^ (crcTable[(crc >> 8) ^ byte] ?? 0);
}
