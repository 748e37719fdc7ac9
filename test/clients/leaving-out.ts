/**
 * Command lines that try several things, and can leave some of them out: `--without KEY,KEY`. They try all with each HTTP/2 that
 * the server has, or with one: `--http2 own`.
 */
import { parseArgs } from "node:util";
import { type Http2Layer, http2Layers, readHttp2Layers } from "../support/http2-layers.ts";
import type { Tool } from "./languages.ts";
import { describeTool, findTools } from "./toolchains.ts";

/** A thing to try, with the programs that it needs. */
interface Tried {
  /** As `--without` takes it. */
  readonly key: string;
  readonly name: string;
  readonly tools: readonly Tool[];
}

export interface Choices {
  /** The keys that `--without` names. */
  readonly left: ReadonlySet<string>;
  /** What serves HTTP/2. */
  readonly layers: readonly Http2Layer[];
}

/**
 * @param keys the keys that `--without` may name
 * @returns undefined if the command line asks for help
 * @throws Error if the arguments are invalid
 */
export function readChoices(args: string[], keys: readonly string[]): Choices | undefined {
  const { values } = parseArgs({
    args,
    options: {
      without: { type: "string", multiple: true, default: [] },
      http2: { type: "string", default: http2Layers.join(",") },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const left = values.without.flatMap((list) => list.split(",")).map((key) => key.trim());
  const unknown = left.find((key) => !keys.includes(key));
  if (unknown !== undefined) throw new Error(`--without takes ${keys.join(", ")}, not "${unknown}"`);
  return { left: new Set(left), layers: readHttp2Layers(values.http2) };
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
