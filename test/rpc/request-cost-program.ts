/**
 * A program that decodes requests as the server does, up to where they go to the store, and tells its parent how many bytes
 * of memory that took. In so large a young generation nothing is collected meanwhile: what the heap grows by is what was
 * built.
 *
 *     node --expose-gc --max-semi-space-size=256 --min-semi-space-size=256 request-cost-program.ts SIZE COUNT SEED
 */
import { getHeapSpaceStatistics } from "node:v8";
import type { RequestReader } from "../../src/rpc/messages/request-reader.ts";
import { userMethods } from "../../src/rpc/user-methods.ts";
import { prepareIdentify, requiredProperties } from "../../src/users/identify.ts";
import { allValid } from "../../src/users/parsed.ts";
import { type FilterInput, parseFilter } from "../../src/users/search/filter.ts";
import { type MatchInput, parseMatch, resolveMatch } from "../../src/users/search/match.ts";
import { seededRandom } from "../support/random.ts";
import { type RequestShape, randomShape } from "../support/request-shapes/shape.ts";

interface Cost {
  /** Built, garbage included. */
  readonly bytes: number;
  readonly shape: string;
}

export interface Costs {
  readonly dearest: readonly Cost[];
  /** How many shapes were tried. */
  readonly tried: number;
}

const [size = 0, count = 0, seed = 1] = process.argv.slice(2).map(Number);
const required = requiredProperties(["name", "email"]);
const { gc } = globalThis;
if (gc === undefined) throw new Error("start it with --expose-gc");

const random = seededRandom(seed);
const shapes = Array.from({ length: count }, () => randomShape(random, size));
// What is made once, at the first request.
for (const shape of shapes.slice(0, 20)) decode(shape);

const costs = shapes.map((shape): Cost => {
  const { method, encoding, made } = shape;
  return { bytes: costOf(shape), shape: `${encoding} ${method}: ${made}`.slice(0, 200) };
});
const dearest = costs.toSorted((a, b) => b.bytes - a.bytes).slice(0, 5);
process.send?.({ dearest, tried: costs.length } satisfies Costs);

function costOf(shape: RequestShape): number {
  gc?.();
  const before = built();
  decode(shape);
  return built() - before;
}

/** What is young, and buffers. The old generation is left out: V8 sweeps it whenever it likes. */
function built(): number {
  const spaces = getHeapSpaceStatistics().filter(({ space_name: name }) => name.startsWith("new_"));
  return spaces.reduce((sum, { space_used_size: used }) => sum + used, process.memoryUsage().arrayBuffers);
}

function decode({ method, encoding, bytes }: RequestShape): void {
  try {
    const reader: RequestReader<object> = userMethods[method].reader;
    const request = reader.read(bytes, encoding, () => {});
    if (method === "identify") prepare(request as Parameters<typeof prepare>[0]);
    if (method === "findUsers" || method === "countUsers") match(request as Parameters<typeof match>[0]);
    if (method === "scanUsers") parseFilter((request as { where?: FilterInput }).where);
    if (method !== "batchIdentify" && method !== "identifyUsers") return;
    const { requests } = request as { requests: Parameters<typeof prepare>[0][] };
    if (requests.length <= 1_000) requests.forEach(prepare);
  } catch {
    // Refused: that has its cost too.
  }
}

/** Looks for a value in an index that has to fold it. */
function match({ match: input }: { match?: MatchInput }): void {
  const [parsed] = allValid(parseMatch(input));
  resolveMatch(parsed, [{ property: parsed.property, folded: true, number: 1, state: "ready" }]);
}

function prepare(request: Omit<Parameters<typeof prepareIdentify>[0], "precondition">): void {
  try {
    prepareIdentify({ ...request, precondition: undefined }, required, { etag: "e", wantUser: true, mayRead: true });
  } catch {
    // As above.
  }
}
