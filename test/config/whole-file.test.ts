/** Files that are read at the start, which may be pipes of a shell. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { watchedFile } from "../../src/config/watched-file.ts";
import { readWholeFile } from "../../src/config/whole-file.ts";
import { temporaryFolder } from "../support/files.ts";
import { makePipe } from "../support/special-files.ts";

function pipe(): string {
  const path = join(temporaryFolder(), "pipe");
  makePipe(path);
  return path;
}

test("a pipe that nobody writes to is given up", () => {
  expect(() => readWholeFile(pipe(), 50)).toThrow("it is a pipe that nobody has written to and closed");
});

test("a pipe is read to its end, however late and slowly it is written, and is read once", async () => {
  const path = pipe();
  const writer = spawn("sh", ["-c", `exec 3>"$1"; printf 'a%.0s' $(seq 70000) >&3; sleep 0.1; echo b >&3`, "sh", path]);
  const ended = once(writer, "close");
  const errors: Error[] = [];
  const watched = watchedFile({ path, parse: String, onError: (error) => errors.push(error) });
  onTestFinished(() => watched.close());
  await ended;
  expect(watched.content).toBe(`${"a".repeat(70_000)}b\n`);
  expect(errors).toEqual([]);
});
