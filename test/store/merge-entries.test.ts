/** The merge of partitions' entries: the order of all of them, from a few of each. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { mergeEntries } from "../../src/store/redis/merge-entries.ts";
import { repeats } from "../support/repeats.ts";

const entry = fc.uint8Array({ minLength: 1, maxLength: 3 }).map((bytes) => Buffer.from(bytes));
const partition = fc.oneof(fc.constant([]), fc.array(entry, { maxLength: 40 }), fc.array(entry, { maxLength: 3 }));

const asRead = (bytes: Buffer) => ({ entry: bytes });

test("it has the first entries of all, and none twice", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(partition, { minLength: 1, maxLength: 8 }),
      entry,
      fc.integer({ min: 1, max: 60 }),
      async (drawn, after, count) => {
        const lists = drawn.map((entries) => entries.toSorted(Buffer.compare));
        const behind = (list: readonly Buffer[], place: Uint8Array) =>
          list.filter((each) => Buffer.compare(each, place) > 0);
        // A set has no entry twice, and neither have two partitions one.
        const seen = new Set<string>();
        const sets = lists.map((list) =>
          list.filter((each) => {
            const isNew = !seen.has(each.toString("hex"));
            seen.add(each.toString("hex"));
            return isNew;
          }),
        );
        let read = 0;
        const merged = await mergeEntries(
          sets.map((_, at) => at),
          after,
          count,
          async (feeds, most) => {
            const answers = feeds.map((feed) =>
              behind(sets[feed.partition] ?? [], feed.after)
                .slice(0, most)
                .map(asRead),
            );
            read += answers.flat().length;
            return answers;
          },
        );
        expect(merged?.map(({ entry }) => entry)).toEqual(
          behind(sets.flat().sort(Buffer.compare), after).slice(0, count),
        );
        expect(read).toBeLessThanOrEqual(sets.flat().length);
      },
    ),
    { numRuns: repeats(500) },
  );
});

test("it reads a few entries of each partition, and more only of those that it needs", async () => {
  const sets = Array.from({ length: 64 }, (_, at) =>
    Array.from({ length: 1_000 }, (_, n) => Buffer.from([Math.floor((n * 64 + at) / 256), (n * 64 + at) % 256, at])),
  );
  const reads: number[] = [];
  const merged = await mergeEntries(
    sets.map((_, at) => at),
    Buffer.alloc(0),
    100,
    async (feeds, most) => {
      reads.push(feeds.length * most);
      return feeds.map((feed) =>
        (sets[feed.partition] ?? [])
          .filter((each) => Buffer.compare(each, feed.after) > 0)
          .slice(0, most)
          .map(asRead),
      );
    },
  );
  expect(merged).toHaveLength(100);
  expect(reads).toHaveLength(1);
  expect(reads[0]).toBeLessThan(64 * 10);
});

test("it ends where a partition cannot be read under this configuration any more", async () => {
  const full = (most: number) => Array.from({ length: most }, (_, n) => asRead(Buffer.of(n)));
  const answers = [(most: number) => [full(most), []], () => undefined];
  const read = async (_: unknown, most: number) => answers.shift()?.(most);
  expect(await mergeEntries([0, 1], Buffer.alloc(0), 100, read)).toBeUndefined();
});
