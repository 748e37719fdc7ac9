/** Sweeps the store in its argument, and prints how many users each slice has looked at: `node sweep-program.ts URL`. */
import { parseStoreLocation } from "../../src/config/store-url.ts";
import { openStore } from "../../src/server/open-store.ts";
import { Sweeper } from "../../src/store/sweeper.ts";
import { createLogger } from "../../src/telemetry/logger.ts";

const store = await openStore(parseStoreLocation(process.argv[2] ?? ""), {}, createLogger("silent"));
await store.check();
if (store.sweep === undefined) throw new Error("the store has no background work");
const times = { leaseMs: 500, lookMs: 50, restMs: 50, pauseRatio: 1, buildPauseRatio: 1, settleMs: 0 };
new Sweeper(
  store.sweep,
  {
    onSlice({ items }) {
      if (items > 0) console.log(items);
    },
    onFailure: (failure) => console.error(failure),
  },
  times,
);
