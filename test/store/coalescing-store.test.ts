import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { defaultServerLimits } from "../../src/config/server-limits.ts";
import { coalesce } from "../../src/store/lanes/coalescing-store.ts";
import { openSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { temporaryFolder } from "../support/files.ts";

test("questions without arguments are answered, each by a call of its own", async () => {
  const adapter = await openSqliteStore(join(temporaryFolder(), "users.db"));
  let asked = 0;
  const counting = {
    ...adapter,
    count: async () => ++asked,
    progress: async () => ({ done: 1, total: 2 }),
  };
  const store = coalesce(counting, defaultServerLimits.maxWaitingBytes);
  onTestFinished(() => store.close());
  expect(await Promise.all([store.count(), store.count(), store.progress()])).toEqual([1, 2, { done: 1, total: 2 }]);
});
