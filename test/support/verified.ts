import { rollcall } from "./processes.ts";

/** What `rollcall verify --json` finds in a store. */
export async function verified(url: string) {
  const { status, stdout, stderr } = await rollcall(["verify", "--store", url, "--json"]);
  const found = linesOf(stdout).map((line) => JSON.parse(line));
  return { status, stderr, summary: found.pop(), findings: found };
}

export function linesOf(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}
