/** Finds the programs of the languages. */
import { root, type Tool } from "./languages.ts";
import { runCommand } from "./run-command.ts";

const timeoutMs = 30_000;

/** A program, and its version if it is there. */
export interface FoundTool {
  readonly tool: Tool;
  /** Undefined if the program is missing, or prints no version. */
  readonly version: string | undefined;
  readonly suffices: boolean;
}

export function findTools(tools: readonly Tool[]): Promise<readonly FoundTool[]> {
  return Promise.all(
    tools.map(async (tool) => {
      const version = await versionOf(tool);
      return { tool, version, suffices: version !== undefined && isAtLeast(version, tool.atLeast) };
    }),
  );
}

async function versionOf({ version }: Tool): Promise<string | undefined> {
  const output = await runCommand(version, { folder: root, timeoutMs }).catch(() => "");
  return /\d+(\.\d+)+/.exec(output)?.[0];
}

function isAtLeast(version: string, least: readonly number[]): boolean {
  const parts = version.split(".").map(Number);
  for (const [index, part] of least.entries()) {
    const found = parts[index] ?? 0;
    if (found !== part) return found > part;
  }
  return true;
}

/** As `Go 1.26.8` or `Maven missing (3.6 or newer is needed)`. */
export function describeTool({ tool, version, suffices }: FoundTool): string {
  const least = tool.atLeast.join(".");
  return `${tool.name} ${version ?? "missing"}${suffices ? "" : ` (${least} or newer is needed)`}`;
}
