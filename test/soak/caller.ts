/** A process of faulty callers: `node caller.ts PORT SEED SECONDS`. Tells its parent how often it did what, and ends. */
import { seededRandom } from "../support/random.ts";
import { callFaultily, type Fault } from "./faulty-calls.ts";

/** Connections at a time. */
const callers = 24;

const [port = 0, seed = 1, seconds = 0] = process.argv.slice(2).map(Number);
const end = performance.now() + seconds * 1_000;
const counts: Partial<Record<Fault, number>> = {};

await Promise.all(
  Array.from({ length: callers }, async (_, caller) => {
    const random = seededRandom(seed * callers + caller);
    // The first numbers of neighbouring seeds are much alike.
    for (let drawn = 0; drawn < 20; drawn++) random();
    while (performance.now() < end) {
      const fault = await callFaultily(port, random);
      counts[fault] = (counts[fault] ?? 0) + 1;
    }
  }),
);
process.send?.(counts);
process.disconnect();
