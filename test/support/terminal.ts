/** A terminal that tmux runs: what a person would see on its screen. */
import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";

export interface Terminal {
  /** What is on the screen. */
  screen(): string;
  /** Presses keys, as tmux calls them: `C-c`. */
  keys(...names: string[]): void;
  /** Closes it, as its window is closed. */
  stop(): void;
}

/** Runs a command of a shell on a terminal of so many columns, which stays when the command has ended. */
export function openTerminal(command: string, columns = 140): Terminal {
  // A server of its own, which ends with its only session.
  const socket = `rollcall-${randomUUID()}`;
  const tmux = (...args: string[]) => execFileSync("tmux", ["-L", socket, ...args], { encoding: "utf8" });
  tmux("-f", "/dev/null", "new-session", "-d", "-x", String(columns), "-y", "40", `${command}; exec sleep 60`);
  let isOpen = true;
  return {
    screen: () => tmux("capture-pane", "-p"),
    keys: (...names) => {
      tmux("send-keys", ...names);
    },
    stop() {
      if (isOpen) tmux("kill-server");
      isOpen = false;
    },
  };
}
