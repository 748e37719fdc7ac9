/** Command lines that try several things, and may leave some of them out: `--without KEY,KEY`. */
import { parseArgs } from "node:util";
import type { Tool } from "./languages.ts";
import { describeTool, findTools } from "./toolchains.ts";

/** What is tried, with the programs that it needs. */
interface Tried {
  /** As `--without` takes it. */
  readonly key: string;
  readonly name: string;
  readonly tools: readonly Tool[];
}

/**
 * @param keys what may be left out
 * @returns what is to be left out; undefined where help is asked for
 * @throws Error where the arguments cannot be understood
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
 * Says of each which of its programs are there.
 *
 * @returns those that lack some
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
