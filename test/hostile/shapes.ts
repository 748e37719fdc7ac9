/**
 * Requests of random shapes, one after the other, against a server of its own: what each takes of its CPU and memory, beside
 * what one text of the same size takes.
 */
import { once } from "node:events";
import { type ClientHttp2Session, connect } from "node:http2";
import { setTimeout as pause } from "node:timers/promises";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { median } from "../../bench/median.ts";
import { memoryOf } from "../../bench/processes.ts";
import type { Http2Layer } from "../support/http2-layers.ts";
import { oneOf, seededRandom } from "../support/random.ts";
import { encodedCall, rawCall } from "../support/raw-calls.ts";
import { ordinaryRequest, type RequestShape, randomShape, textRequest } from "../support/request-shapes/shape.ts";
import { type ContainedServer, cpuNanoseconds, forgetPeak, peakMiB, startContained } from "./contained-server.ts";

const kib = 1_024;
/** The last is just under the limit on a message. */
const sizes = [8 * kib, 64 * kib, 1_024 * kib, 4_000 * kib] as const;
const protocols = ["grpc", "grpc-web", "connect"] as const;
/** How many times as much as a text a request may take. */
const maxRatio = 5;
/**
 * A young generation of 72 MiB fills up and is left as it is for a while: what the process may take of memory in any case.
 */
const floorMiB = 72;
/**
 * A text is copied, and that is all; small values are read one by one and written as they are stored. How long a byte of them may
 * take, against what the same server takes for a byte of ordinary records in JSON at about the same time. Any request may take as long
 * as an ordinary one of this size does: for 1,000 refused items of a batch, or a garbage collection.
 */
const maxOrdinaryRatio = 3;
const ordinarySize = 1_024 * kib;
const measuredTimes = 5;
/** A shape that takes too much is sent so many times more, each beside an ordinary request; the median counts. */
const timesInDoubt = 5;
const shownShapes = 10;
const settledMs = 4;

interface Sending {
  readonly shape: RequestShape;
  readonly protocol: (typeof protocols)[number];
  readonly isCompressed: boolean;
  readonly size: number;
}

interface Cost {
  readonly cpuMs: number;
  readonly residentMiB: number;
}

interface Measured extends Cost {
  readonly sending: Sending;
  readonly text: Cost;
  /** Of what it may take; above 1 it fails. */
  readonly share: number;
}

/** @returns whether every request stayed within its bounds, and the server runs */
export async function measureShapes(
  store: string,
  http2: Http2Layer | undefined,
  { shapes, seed }: { readonly shapes: number; readonly seed: number },
): Promise<boolean> {
  const server = await startContained(store, http2);
  try {
    return await sendAll(server, shapes, seed);
  } finally {
    for (const line of server.errors) console.log(line);
    await server.stop();
  }
}

async function sendAll(server: ContainedServer, count: number, seed: number): Promise<boolean> {
  const random = seededRandom(seed);
  const texts = new Map<string, Cost>();
  const measured: Measured[] = [];
  let peak = 0;
  // What is compiled and connected at the first requests.
  for (const protocol of protocols)
    await textCost(server, { protocol, encoding: "json", isCompressed: true, size: sizes[1] });
  const ordinary = medianOf(await measuredOften(() => ordinaryCost(server)));
  for (let at = 0; at < count && !server.ended; at++) {
    const size = oneOf(random, sizes);
    const sending: Sending = {
      shape: randomShape(random, size),
      protocol: oneOf(random, protocols),
      isCompressed: random() < 0.33,
      size,
    };
    const { shape, protocol, isCompressed } = sending;
    const kind = `${shape.encoding} ${protocol} ${isCompressed} ${size}`;
    const text = texts.get(kind) ?? (await textCost(server, { ...sending, encoding: shape.encoding }));
    texts.set(kind, text);
    const cost = await costOf(server, sending);
    peak = Math.max(peak, peakMiB(server.pid));
    const once = { sending, ...cost, text, share: shareOf(sending, cost, text, ordinary) };
    measured.push(once.share > 1 ? await measuredAgain(server, once) : once);
  }
  const dearest = measured.toSorted((a, b) => b.share - a.share);
  console.log(`\n| the dearest of ${measured.length} requests | KiB | CPU ms | a text | MiB | a text | |`);
  console.log("|---|--:|--:|--:|--:|--:|---|");
  for (const each of dearest.slice(0, Math.max(shownShapes, dearest.filter(({ share }) => share > 1).length))) {
    console.log(rowOf(each));
  }
  console.log(`\nresident MiB at most: ${peak.toFixed(0)}`);
  if (server.ended) console.log("the server has ended");
  return !server.ended && measured.every(({ share }) => share <= 1);
}

/** The machine may be slower than at the first shape, and a garbage collection may fall on any request. */
async function measuredAgain(server: ContainedServer, { sending, text }: Measured): Promise<Measured> {
  const all: Measured[] = [];
  while (all.length < timesInDoubt) {
    const ordinary = await ordinaryCost(server);
    const cost = await costOf(server, sending);
    all.push({ sending, ...cost, text, share: shareOf(sending, cost, text, ordinary) });
  }
  const middle = median(all.map(({ share }) => share));
  return all.find(({ share }) => share === middle) as Measured;
}

function rowOf({ sending, cpuMs, residentMiB, text, share }: Measured): string {
  const { shape, protocol, isCompressed } = sending;
  const made = shape.made.replaceAll("|", "\\|").replaceAll("\n", " ").replaceAll("\t", " ").slice(0, 80);
  const cells = [
    `${protocol}, ${shape.encoding}${isCompressed ? ", gzip" : ""}, ${shape.method}: ${made}`,
    (shape.bytes.length / kib).toFixed(0),
    cpuMs.toFixed(1),
    text.cpuMs.toFixed(1),
    residentMiB.toFixed(1),
    text.residentMiB.toFixed(1),
    share > 1 ? "failed" : "passed",
  ];
  return `| ${cells.join(" | ")} |`;
}

/** The greater of what it takes of both allowances. */
function shareOf({ shape }: Sending, cost: Cost, text: Cost, ordinary: Cost): number {
  const allowedOrdinary = Math.max(1, (maxOrdinaryRatio * shape.bytes.length) / ordinarySize);
  const cpu = cost.cpuMs / Math.max(maxRatio * text.cpuMs, allowedOrdinary * ordinary.cpuMs);
  const memory = cost.residentMiB / Math.max(maxRatio * text.residentMiB, floorMiB);
  return Math.max(cpu, memory);
}

function ordinaryCost(server: ContainedServer): Promise<Cost> {
  return costOf(server, {
    shape: ordinaryRequest(ordinarySize),
    protocol: "grpc",
    isCompressed: false,
    size: ordinarySize,
  });
}

async function textCost(
  server: ContainedServer,
  { encoding, size, ...how }: Omit<Sending, "shape"> & Pick<RequestShape, "encoding">,
): Promise<Cost> {
  return medianOf(await measuredOften(() => costOf(server, { ...how, size, shape: textRequest(encoding, size) })));
}

async function measuredOften(measure: () => Promise<Cost>): Promise<Cost[]> {
  const costs: Cost[] = [];
  while (costs.length < measuredTimes) costs.push(await measure());
  return costs;
}

function medianOf(costs: readonly Cost[]): Cost {
  return {
    cpuMs: median(costs.map(({ cpuMs }) => cpuMs)),
    residentMiB: median(costs.map(({ residentMiB }) => residentMiB)),
  };
}

async function costOf(server: ContainedServer, sending: Sending): Promise<Cost> {
  const session = connect(`http://127.0.0.1:${server.port}`).on("error", () => {});
  await Promise.race([once(session, "connect"), once(session, "close")]);
  await settled(server);
  forgetPeak(server.pid);
  const before = { cpu: cpuNanoseconds(server.pid), residentMiB: memoryOf(server.pid).residentMiB };
  await send(session, sending);
  await settled(server);
  const cost = {
    cpuMs: (cpuNanoseconds(server.pid) - before.cpu) / 1e6,
    residentMiB: peakMiB(server.pid) - before.residentMiB,
  };
  session.destroy();
  return cost;
}

/** Resolves once the server does nothing more: a garbage collection may go on after an answer. */
async function settled(server: ContainedServer): Promise<void> {
  for (let before = -1; !server.ended; ) {
    const now = cpuNanoseconds(server.pid);
    if (before >= 0 && now - before < settledMs * 1e5) return;
    before = now;
    await pause(settledMs);
  }
}

/** Resolves when the request has been answered, or its stream reset. */
async function send(session: ClientHttp2Session, { shape, protocol, isCompressed }: Sending): Promise<void> {
  if (session.closed || session.destroyed) return;
  const how = { protocol, encoding: shape.encoding, isCompressed };
  await rawCall(session, encodedCall(UserService.method[shape.method], shape.bytes, how)).catch(() => {});
}
