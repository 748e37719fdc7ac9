/** Merges the entries of several partitions into their order, and reads as few as the merge needs. */

/** The entries of a partition, of which some have been read. */
export interface Feed {
  readonly partition: number;
  /** The last entry that was read; the beginning of the range at first. */
  after: Uint8Array;
  /** Whether there may be more. */
  isOpen: boolean;
}

/** About how many entries are read together, which takes Redis a millisecond. */
const maxRead = 1_024;

/**
 * @param after the beginning of the range
 * @param read reads the next entries of each feed: as many as asked for, fewer only at the end; undefined if they cannot be read any more
 * @returns the first entries, in the order of their bytes; fewer than `count` only at the end; undefined if `read` answers so
 */
export async function mergeEntries<Found extends { readonly entry: Uint8Array }>(
  partitions: readonly number[],
  after: Uint8Array,
  count: number,
  read: (feeds: readonly Feed[], count: number) => Promise<readonly (readonly Found[])[] | undefined>,
): Promise<readonly Found[] | undefined> {
  const feeds = partitions.map((partition): Feed => ({ partition, after, isOpen: true }));
  const entries: Found[] = [];
  for (let wanted = firstStep(count, feeds.length); ; wanted = Math.min(count, wanted * 2)) {
    // Entries of a feed that were not read may come before the last one that is wanted.
    const last = entries[count - 1]?.entry;
    const needed = feeds.filter((each) => each.isOpen && (last === undefined || Buffer.compare(each.after, last) < 0));
    if (needed.length === 0) return entries.slice(0, count);
    const step = Math.min(wanted, Math.max(1, Math.floor(maxRead / needed.length)));
    const answers = await read(needed, step);
    if (answers === undefined) return undefined;
    for (const [at, feed] of needed.entries()) {
      const found = answers[at] ?? [];
      feed.isOpen = found.length === step;
      feed.after = found.at(-1)?.entry ?? feed.after;
      entries.push(...found);
    }
    entries.sort((a, b) => Buffer.compare(a.entry, b.entry));
  }
}

/** So many that a second reading is seldom needed, if the entries are spread evenly. */
function firstStep(count: number, feeds: number): number {
  const mean = count / feeds;
  return Math.min(count, Math.ceil(mean + 4 * Math.sqrt(mean) + 2));
}
