import { expect, onTestFinished, test } from "vitest";
import { applied, command } from "../support/commands.ts";
import { startSentinels } from "../support/redis-sentinel.ts";
import { inFull } from "../support/repeats.ts";
import { openRedis, openTemporarySentinels } from "../support/stores.ts";
import { until } from "../support/until.ts";
import { storeConformance } from "./conformance.ts";
import { storeIsLikeTheModel } from "./model-based.ts";

storeConformance("Redis behind Sentinel", openTemporarySentinels);
// What the commands mean is tested over one server; here it is that every one of them finds its way.
storeIsLikeTheModel("Redis behind Sentinel", openTemporarySentinels, inFull ? 200 : 50);

test("a Sentinel that is there and does not answer is passed over", async () => {
  const group = await startSentinels({ replicas: 0 });
  onTestFinished(() => group.stop());
  const [first] = group.sentinels;
  first?.kill("SIGSTOP");
  onTestFinished(() => first?.kill("SIGCONT"));
  const store = await openRedis(group.url);
  onTestFinished(() => store.close());
  const [result] = await until(() => store.write([command("u", { n: 1 })]));
  expect(applied(result).outcome).toBe("created");
});
