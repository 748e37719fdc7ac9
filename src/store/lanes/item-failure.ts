/** The result of an item that failed alone. */
export class ItemFailure {
  readonly reason: unknown;

  constructor(reason: unknown) {
    this.reason = reason;
  }
}

/**
 * Works on items together. If that fails for a reason that may lie in one of them, works on each alone, so that only that
 * one fails.
 *
 * @param work is told whether the items may have been done before
 * @param blame whether a failure may be due to one of the items, and whether some of them may have been done
 */
export async function eachAlone<Item, Result>(
  items: readonly Item[],
  work: (items: readonly Item[], again: boolean) => Promise<readonly Result[]>,
  blame: (error: unknown) => { readonly mayLieInOne: boolean; readonly someMayBeDone: boolean },
): Promise<readonly (Result | ItemFailure)[]> {
  let again: boolean;
  try {
    return await work(items, false);
  } catch (error) {
    const { mayLieInOne, someMayBeDone } = blame(error);
    if (items.length < 2 || !mayLieInOne) throw error;
    again = someMayBeDone;
  }
  const results: (Result | ItemFailure)[] = [];
  for (const item of items) {
    try {
      results.push(...(await work([item], again)));
    } catch (error) {
      if (!blame(error).mayLieInOne) throw error;
      results.push(new ItemFailure(error));
    }
  }
  return results;
}
