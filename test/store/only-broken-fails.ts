import { expect } from "vitest";
import type { UserStore } from "../../src/users/store.ts";
import { command, userId } from "../support/commands.ts";

/** Calls about the user `broken`, of which something else is stored than Rollcall writes, and about `u`, at once. */
export async function expectOnlyBrokenFails(store: UserStore): Promise<void> {
  const write = (id: string, n: number) => store.write([command(id, { n })]);
  const writes = await Promise.allSettled([write("u", 2), write("broken", 2), write("u", 3), write("new", 1)]);
  expect(writes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "fulfilled"]);
  expect(writes).toMatchObject([
    { value: [{ outcome: "updated" }] },
    {},
    { value: [{ outcome: "updated" }] },
    { value: [{ outcome: "created" }] },
  ]);
  const reads = await Promise.allSettled(["u", "broken", "new"].map((id) => store.get([userId(id)])));
  expect(reads.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
}
