import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Command } from "./languages.ts";

/** How much is shown of what a failing program has printed. */
const maxShownLines = 30;
/** How long what is told to end may take. */
const lastActsMs = 5_000;

// What a terminal tells this process to do does not reach the groups that it has started.
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
  /** Takes what it prints, on whichever output, while it runs. */
  readonly onOutput?: (piece: string) => void;
}

/**
 * Runs a program to its end. Of this process' own settings for Rollcall it gets none.
 *
 * @returns what it has printed on standard output
 * @throws Error with the command and the end of what it has printed, unless it ends with status 0 and in time
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
    // A group of its own, which is ended as a whole.
    detached: true,
  });
  // Programs that have started groups themselves end these at SIGTERM, and could not at SIGKILL.
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
    // Nobody is left of it.
  }
}
