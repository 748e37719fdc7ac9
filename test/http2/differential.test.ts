/** Random conversations, right and wrong, get the same answers from both HTTP/2 layers. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { seededRandom } from "../support/random.ts";
import { until } from "../support/until.ts";
import { reasons } from "./differential/allowed.ts";
import { framesOf } from "./differential/conversation.ts";
import { NodeLayer } from "./differential/layer-process.ts";
import { type Layer, startLayer } from "./differential/layers.ts";
import { eachBreach } from "./differential/mutate.ts";
import { conversationOf, faultOf } from "./differential/run.ts";

const minFrames = 20_000;
const maxFaults = 3;
/** Conversations at one time. */
const atOnce = 4;
const seed = Number(process.env["TEST_SEED"] ?? 1);

let own: Layer;
let node: NodeLayer;
beforeAll(async () => {
  own = await startLayer("own");
  node = new NodeLayer();
});
afterAll(async () => {
  own.listener.destroy();
  await node.stop();
});

const servers = () => ({ own: own.listener.port, node: () => node.port() });

test("each way to break a rule gets the same answer from both layers, or there is a reason", async () => {
  const faults: string[] = [];
  for (const times of [1, 2, 3]) {
    for (const [name, conversation] of eachBreach(seededRandom(seed * 1_000 + times))) {
      const fault = await faultOf(servers(), `${name}, TEST_SEED=${seed}`, conversation);
      if (fault !== undefined && faults.length < maxFaults) faults.push(fault);
    }
  }
  expect(faults.join("\n\n")).toBe("");
}, 60_000);

test(`${minFrames} frames get the same answers from both layers, or there is a reason`, async () => {
  const faults: string[] = [];
  let frames = 0;
  let number = 0;
  const compare = async () => {
    while (frames < minFrames && faults.length < maxFaults) {
      const mine = number++;
      const conversation = conversationOf(seed, mine);
      frames += framesOf(conversation).length;
      const fault = await faultOf(servers(), `TEST_SEED=${seed}, conversation ${mine}`, conversation);
      if (fault !== undefined) faults.push(fault);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, compare));

  expect(faults.join("\n\n")).toBe("");
  expect(own.served.faults).toEqual([]);
  await until(() => own.listener.connections === 0 && own.served.open === 0);
}, 300_000);

test("each reason for a difference has a name of its own", () => {
  expect(new Set(reasons.map(({ name }) => name)).size).toBe(reasons.length);
});
