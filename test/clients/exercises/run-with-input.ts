import { spawn } from "node:child_process";
import { buffer } from "node:stream/consumers";

const timeoutMs = 30_000;

export interface Ended {
  readonly status: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Runs a program to its end, with this on its standard input. */
export async function runWithInput(program: string, args: readonly string[], input: string | Buffer): Promise<Ended> {
  const child = spawn(program, args, { stdio: "pipe", timeout: timeoutMs });
  // A program that has read enough closes its input.
  child.stdin.on("error", () => {}).end(input);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on("error", reject).on("close", resolve);
  });
  const [status, stdout, stderr] = await Promise.all([ended, buffer(child.stdout), buffer(child.stderr)]);
  return { status, stdout, stderr: stderr.toString() };
}
