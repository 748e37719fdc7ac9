/** The items of a list that have the same key, in their order. */
export interface Share<Item, Key> {
  readonly key: Key;
  readonly items: readonly Item[];
  /** Where each of them stands in the list. */
  readonly indices: readonly number[];
}

export function sharesOf<Item, Key>(items: readonly Item[], keyOf: (item: Item) => Key): Share<Item, Key>[] {
  const shares = new Map<Key, { key: Key; items: Item[]; indices: number[] }>();
  for (const [index, item] of items.entries()) {
    const key = keyOf(item);
    const share = shares.get(key);
    if (share === undefined) shares.set(key, { key, items: [item], indices: [index] });
    else {
      share.items.push(item);
      share.indices.push(index);
    }
  }
  return [...shares.values()];
}

/**
 * Works on shares side by side. Rejects once all are done, if any failed, so that nothing is under way any more that the
 * next call could overtake.
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
      if (answers.length !== items.length) throw new Error("a share was not answered a result for each item");
      for (const [at, answer] of answers.entries()) results[indices[at] ?? 0] = answer;
    }),
  );
  for (const outcome of done) if (outcome.status === "rejected") throw outcome.reason;
  return results;
}
