/** On a disk without room, SQLite still deletes: erasing a person does not wait for a larger disk. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { defaultReserveBytes } from "../../src/store/sqlite/reserve.ts";
import { temporaryFolder } from "../support/files.ts";
import { mayMount, onSmallDisk, withSmallFiles } from "../support/small-disk.ts";

const program = new URL("../support/full-disk-program.ts", import.meta.url).pathname;
const deleted = { outcome: "deleted", etag: "", ignored: [] };

async function resultOf(child: ChildProcess): Promise<Record<string, unknown>> {
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (piece) => {
    stdout += piece;
  });
  child.stderr?.setEncoding("utf8").on("data", (piece) => {
    stderr += piece;
  });
  await once(child, "close");
  expect(stderr).toBe("");
  return JSON.parse(stdout);
}

/** @param refused why the last write was refused, where nothing was deleted yet */
function expectDeleted(result: Record<string, unknown>, refused: string): void {
  const told = JSON.stringify({ refused, isReserved: true });
  expect(result).toMatchObject({
    filled: { told, stderr: "", signal: "SIGKILL" },
    // Also where they travel with writes that need room, which is for deletions alone.
    first: deleted,
    created: "STORE_FULL",
    changed: "STORE_FULL",
    second: deleted,
    unchanged: { outcome: "unchanged" },
    // Its caller would learn otherwise that nothing would change.
    hidden: "STORE_FULL",
    deleted: { [JSON.stringify(deleted)]: expect.any(Number) },
    found: [null],
    entries: 0,
    // Somebody has made room.
    afterwards: { outcome: "created" },
    reserves: ["kept", "used", "kept"],
    reopened: deleted,
  });
}

/** Where a file system cannot be mounted, a bound to the size of files takes its place. */
const smallFiles = (folder: string) => withSmallFiles(1_024, [program, folder, "262144", "10"]);

test("every user can be deleted, also after a crash, and others are written once there is room", async () => {
  const folder = temporaryFolder();
  const isMounted = mayMount(folder);
  const args = [program, folder, String(defaultReserveBytes), "1000000"];
  const result = await resultOf(isMounted ? onSmallDisk(folder, 24, args) : smallFiles(folder));
  expectDeleted(result, isMounted ? "STORE_FULL" : "STORE_UNAVAILABLE");
});

test("a bound to the size of files, which SQLite takes for a failure of the disk, keeps no deletion back", async () => {
  expectDeleted(await resultOf(smallFiles(temporaryFolder())), "STORE_UNAVAILABLE");
});
