import { createHash } from "node:crypto";
import { open } from "node:fs/promises";

const endBytes = 64 * 1024;

/** Tells a source from others, and from itself before a change. */
export interface Fingerprint {
  readonly size: number;
  readonly modifiedMs: number;
  /** SHA-256 of its first and last 64 KiB, in hexadecimal. */
  readonly ends: string;
}

/** @throws Error if the file cannot be read */
export async function fingerprint(path: string): Promise<Fingerprint> {
  const file = await open(path, "r");
  try {
    const { size, mtimeMs } = await file.stat();
    const hash = createHash("sha256");
    for (const position of [0, Math.max(0, size - endBytes)]) {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(endBytes), 0, endBytes, position);
      hash.update(buffer.subarray(0, bytesRead));
    }
    return { size, modifiedMs: mtimeMs, ends: hash.digest("hex") };
  } finally {
    await file.close();
  }
}
