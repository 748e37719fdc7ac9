/** Stands in the place of the result of an item that has failed alone. */
export class ItemFailure {
  readonly reason: unknown;

  constructor(reason: unknown) {
    this.reason = reason;
  }
}

/**
 * Does items together; where that fails for a reason that may lie in one of them, each by itself, so that only that one
 * fails.
 *
 * @param work is told whether the items may have been done before
 * @param mayLieInOne whether what `work` rejects with can be due to a single item
 */
export async function eachAlone<Item, Result>(
  items: readonly Item[],
  work: (items: readonly Item[], again: boolean) => Promise<readonly Result[]>,
  mayLieInOne: (error: unknown) => boolean,
): Promise<readonly (Result | ItemFailure)[]> {
  try {
    return await work(items, false);
  } catch (error) {
    if (items.length < 2 || !mayLieInOne(error)) throw error;
  }
  const results: (Result | ItemFailure)[] = [];
  for (const item of items) {
    try {
      results.push(...(await work([item], true)));
    } catch (error) {
      if (!mayLieInOne(error)) throw error;
      results.push(new ItemFailure(error));
    }
  }
  return results;
}
