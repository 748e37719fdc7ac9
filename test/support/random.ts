/** What tests draw at random: the same again for the same seed. */

/** Answers from 0 up to 1. */
export type Random = () => number;

/** A small seeded random source: https://en.wikipedia.org/wiki/Xorshift */
export function seededRandom(seed: number): Random {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** An integer from 0 up to `count`. */
export function below(random: Random, count: number): number {
  return Math.floor(random() * count);
}

export function oneOf<Item>(random: Random, items: readonly Item[]): Item {
  const item = items[below(random, items.length)];
  if (item === undefined) throw new RangeError("nothing to choose from");
  return item;
}
