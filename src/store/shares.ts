/** The items of a list with one key, in their order. */
export interface Share<Item, Key> {
  readonly key: Key;
  readonly items: readonly Item[];
  /** The position of each item in the list. */
  readonly indices: readonly number[];
}

export function sharesOf<Item, Key>(items: readonly Item[], keyOf: (item: Item) => Key): Share<Item, Key>[] {
  const [first] = items;
  if (first !== undefined && items.length === 1) return [{ key: keyOf(first), items, indices: [0] }];
  const shares = new Map<Key, { key: Key; items: Item[]; indices: number[] }>();
  items.forEach((item, index) => {
    const key = keyOf(item);
    const share = shares.get(key);
    if (share === undefined) shares.set(key, { key, items: [item], indices: [index] });
    else {
      share.items.push(item);
      share.indices.push(index);
    }
  });
  return [...shares.values()];
}

/**
 * Works on shares concurrently. If one fails, rejects once all are done, so that nothing is under way that a later call
 * could overtake.
 *
 * @returns results in the order of the whole list
 */
export async function eachShare<Item, Key, Result>(
  shares: readonly Share<Item, Key>[],
  work: (items: readonly Item[], key: Key) => Promise<readonly Result[]>,
): Promise<readonly Result[]> {
  const [only] = shares;
  if (only !== undefined && shares.length === 1) return work(only.items, only.key);
  const results: Result[] = [];
  const done = await Promise.allSettled(
    shares.map(async ({ key, items, indices }) => {
      const answers = await work(items, key);
      if (answers.length !== items.length) throw new Error("a share did not get one result for each item");
      for (const [at, answer] of answers.entries()) results[indices[at] ?? 0] = answer;
    }),
  );
  for (const outcome of done) if (outcome.status === "rejected") throw outcome.reason;
  return results;
}
