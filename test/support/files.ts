/** A folder of one test's own, and the files in it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { onTestFinished } from "vitest";

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "rollcall-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** The path of a file with this content; compressed with gzip where its name ends in `.gz`. */
export function fileWith(content: string | Buffer, name: string): string {
  const path = join(temporaryFolder(), name);
  writeFileSync(path, name.endsWith(".gz") ? gzipSync(content) : content);
  return path;
}
