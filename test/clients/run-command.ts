import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Command } from "./languages.ts";

/** The part of a failing program's output that an error shows. */
const maxShownLines = 30;
/** The time to end after SIGTERM. */
const lastActsMs = 5_000;

// Signals of a terminal do not reach the process groups that this process starts.
for (const [signal, number] of [
  ["SIGINT", 2],
  ["SIGTERM", 15],
] as const) {
  process.once(signal, () => process.exit(128 + number));
}

export interface CommandOptions {
  readonly folder: string;
  readonly timeoutMs: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Gets the output, of both streams, while the program runs. */
  readonly onOutput?: (piece: string) => void;
}

/**
 * Runs a program to its end, without this process' own ROLLCALL_ variables.
 *
 * @returns its standard output
 * @throws Error with the command and the end of its output, unless it ends in time with status 0
 */
export async function runCommand(
  { program, args }: Command,
  { folder, timeoutMs, env, onOutput }: CommandOptions,
): Promise<string> {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("ROLLCALL_"));
  const child = spawn(program, args, {
    cwd: folder,
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ["ignore", "pipe", "pipe"],
    // A process group of its own, so that a signal ends all of it.
    detached: true,
  });
  // SIGTERM comes first, so that programs with process groups of their own can end those.
  let isLate = false;
  const end = () => signalGroup(child.pid, "SIGTERM");
  const timers = [
    setTimeout(() => {
      isLate = true;
      end();
    }, timeoutMs),
    setTimeout(() => signalGroup(child.pid, "SIGKILL"), timeoutMs + lastActsMs),
  ];
  process.once("exit", end);
  let stdout = "";
  let all = "";
  const take = (piece: string) => {
    all += piece;
    onOutput?.(piece);
  };
  child.stdout.setEncoding("utf8").on("data", (piece: string) => {
    stdout += piece;
    take(piece);
  });
  child.stderr.setEncoding("utf8").on("data", take);
  const words = [program, ...args].join(" ");
  const [status, signal] = await once(child, "close")
    .catch((cause: unknown) => {
      throw new Error(`${words}: ${cause instanceof Error ? cause.message : cause}`);
    })
    .finally(() => {
      for (const timer of timers) clearTimeout(timer);
      process.off("exit", end);
    });
  if (status === 0 && !isLate) return stdout;
  const shown = all.trimEnd().split("\n").slice(-maxShownLines).join("\n");
  throw new Error(
    `${words}: ${isLate ? `not within ${timeoutMs} ms` : signal === null ? `exit status ${status}` : `ended by ${signal}`}\n${shown}`,
  );
}

function signalGroup(leader: number | undefined, signal: NodeJS.Signals): void {
  if (leader === undefined) return;
  try {
    process.kill(-leader, signal);
  } catch {
    // The group has ended.
  }
}
