/** Things in a folder that are no regular files. */
import { execFileSync } from "node:child_process";
import { closeSync, openSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { onTestFinished } from "vitest";

export function makePipe(path: string): void {
  execFileSync("mkfifo", [path]);
}

export async function makeSocket(path: string): Promise<void> {
  const server = createServer();
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(path, resolve));
}

/**
 * Makes a device that takes whatever is written.
 *
 * @returns whether this process may make and use one
 */
export function makeDevice(path: string): boolean {
  try {
    execFileSync("mknod", [path, "c", "1", "3"], { stdio: "ignore" });
    closeSync(openSync(path, "w"));
    return true;
  } catch {
    // It can be made and not opened, in a file system without devices.
    rmSync(path, { force: true });
    return false;
  }
}
