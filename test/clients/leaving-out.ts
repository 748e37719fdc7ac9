/** Command lines that try several things, and can leave some of them out: `--without KEY,KEY`. */
import { parseArgs } from "node:util";
import type { Tool } from "./languages.ts";
import { describeTool, findTools } from "./toolchains.ts";

/** A thing to try, with the programs that it needs. */
interface Tried {
  /** As `--without` takes it. */
  readonly key: string;
  readonly name: string;
  readonly tools: readonly Tool[];
}

/**
 * @param keys the keys that `--without` may name
 * @returns the keys that it names; undefined if the command line asks for help
 * @throws Error if the arguments are invalid
 */
export function readLeftOut(args: string[], keys: readonly string[]): ReadonlySet<string> | undefined {
  const { values } = parseArgs({
    args,
    options: { without: { type: "string", multiple: true, default: [] }, help: { type: "boolean", default: false } },
  });
  if (values.help) return undefined;
  const left = values.without.flatMap((list) => list.split(",")).map((key) => key.trim());
  const unknown = left.find((key) => !keys.includes(key));
  if (unknown !== undefined) throw new Error(`--without takes ${keys.join(", ")}, not "${unknown}"`);
  return new Set(left);
}

/**
 * Prints the programs of each, and whether they are there.
 *
 * @returns the ones with a missing program
 */
export async function tellTools<One extends Tried>(
  all: readonly One[],
  left: ReadonlySet<string>,
): Promise<readonly One[]> {
  const lacking: One[] = [];
  for (const one of all) {
    if (one.tools.length === 0) continue;
    const found = left.has(one.key) ? undefined : await findTools(one.tools);
    console.log(`${one.name}: ${found?.map(describeTool).join(", ") ?? "left out"}`);
    if (found?.some(({ suffices }) => !suffices)) lacking.push(one);
  }
  return lacking;
}
