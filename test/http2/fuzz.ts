/**
 * Has random conversations with both HTTP/2 layers for long: `npm run test:suite -- http2-fuzz --frames 1000000`. Fails if their
 * answers differ without a reason, or if our own layer ends, hangs, grows, blocks its event loop, or keeps a connection or a stream
 * whose client has gone.
 */
import { parseArgs } from "node:util";
import { until } from "../support/until.ts";
import { framesOf } from "./differential/conversation.ts";
import { LayerProcess, type LayerReport, NodeLayer } from "./differential/layer-process.ts";
import { compareLayers, conversationOf, faultOf } from "./differential/run.ts";

const { values } = parseArgs({
  options: { frames: { type: "string", default: "1000000" }, seed: { type: "string", default: "1" } },
});
const minFrames = Number(values.frames);
const seed = Number(values.seed);
if (!Number.isInteger(minFrames) || minFrames < 1) throw new Error("--frames: expected how many frames to send");
if (!Number.isInteger(seed)) throw new Error("--seed: expected an integer");

/** Conversations at one time. */
const atOnce = 8;
const maxFaults = 10;
/** After this share of the frames, code is compiled and buffers have their size. */
const warmShare = 0.2;
const maxGrowthMiB = 8;
/** The allocator keeps what it has had, in more pieces the longer it lasts. */
const maxResidentGrowthMiB = 128;
/** Other processes take turns on the same cores. A request that blocks it takes seconds. */
const maxBlockedMs = 500;
const mebibyte = 1024 * 1024;

const own = await LayerProcess.start("own");
const node = new NodeLayer();
const servers = { own: own.port, node: () => node.port() };
const faults: string[] = [];
const allowed = new Map<string, number>();
let frames = 0;
let number = 0;
try {
  await converseUntil(minFrames * warmShare);
  const before = await reportOfIdle();
  await converseUntil(minFrames);
  const after = await reportOfIdle();
  checkReport(before, after);
} catch (error) {
  faults.push(own.ended === undefined ? String(error) : `the process has ended with ${own.ended}`);
} finally {
  await own.stop();
  await node.stop();
}
for (const [name, count] of [...allowed].sort(([, a], [, b]) => b - a))
  console.log(`${String(count).padStart(7)}  ${name}`);
for (const fault of faults) console.log(`\n${fault}`);
console.log(`\n${number} conversations, ${frames} frames, seed ${seed}: ${faults.length} faults`);
process.exitCode = faults.length === 0 ? 0 : 1;

async function converseUntil(wanted: number): Promise<void> {
  const work = async () => {
    while (frames < wanted && faults.length < maxFaults) await compareNext();
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}

async function compareNext(): Promise<void> {
  const mine = number++;
  const conversation = conversationOf(seed, mine);
  frames += framesOf(conversation).length;
  const found = await compareLayers(servers, conversation);
  for (const name of found.allowed) allowed.set(name, (allowed.get(name) ?? 0) + 1);
  if (own.ended !== undefined) throw new Error("the server is gone");
  const fault =
    found.faults.length === 0
      ? undefined
      : await faultOf(servers, `--seed ${seed}, conversation ${mine}`, conversation);
  if (fault !== undefined) faults.push(fault);
}

/** Once the clients have gone. */
function reportOfIdle(): Promise<LayerReport> {
  return until(async () => {
    const report = await own.report();
    if (report.connections === 0 && report.exchanges === 0) return report;
    throw new Error(`${report.connections} connections and ${report.exchanges} exchanges stay open`);
  });
}

function checkReport(before: LayerReport, after: LayerReport): void {
  const growth = (of: "heapBytes" | "residentBytes") => (after[of] - before[of]) / mebibyte;
  const heap = growth("heapBytes");
  const resident = growth("residentBytes");
  console.log(
    `heap ${heap.toFixed(1)} MiB more, resident ${resident.toFixed(1)} MiB more, blocked ${after.blockedMs.toFixed(0)} ms`,
  );
  if (heap > maxGrowthMiB) faults.push(`the heap grows by ${heap.toFixed(1)} MiB`);
  if (resident > maxResidentGrowthMiB) faults.push(`the process grows by ${resident.toFixed(1)} MiB`);
  if (after.blockedMs > maxBlockedMs) faults.push(`the event loop is blocked for ${after.blockedMs.toFixed(0)} ms`);
  faults.push(...after.faults);
}
