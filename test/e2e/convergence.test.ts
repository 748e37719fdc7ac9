/** Observed writes over several connections at once, some of them twice, come to the same user as in any order. */
import { create } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type IdentifyRequest, IdentifyRequestSchema, UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { describeEachStore } from "../support/each-store.ts";
import { type ObservedWrite, observedWrites, outcomeOf } from "../support/observed-writes.ts";
import { repeats } from "../support/repeats.ts";

const sets = repeats(1_000);
const setsAtOnce = 50;
const connections = 4;

/** Writes, and how they arrive: the connection of each, some twice, in an order of their own. */
const arrivals = observedWrites.chain((writes) =>
  fc.record({
    writes: fc.constant(writes),
    repeated: fc.subarray(writes),
    connections: fc.array(fc.nat(connections - 1), { minLength: 10, maxLength: 10 }),
  }),
);
const shuffledGroup = fc.array(arrivals, { minLength: setsAtOnce, maxLength: setsAtOnce }).chain((group) => {
  const sends = group.flatMap(({ writes, repeated, connections: chosen }, set) =>
    [...writes, ...repeated].map((write, n) => ({ set, write, connection: chosen[n] ?? 0 })),
  );
  return fc.record({
    group: fc.constant(group),
    sends: fc.shuffledSubarray(sends, { minLength: sends.length, maxLength: sends.length }),
  });
});

function requestOf(id: string, { set, unset, observedAt }: ObservedWrite): IdentifyRequest {
  const time = { seconds: BigInt(Math.floor(observedAt / 1_000_000)), nanos: (observedAt % 1_000_000) * 1_000 };
  return create(IdentifyRequestSchema, { id, properties: set, unset: [...unset], observedAt: time });
}

describeEachStore({ requiredProperties: ["name"] }, (server) => {
  test(`${sets} sets of observed writes converge over ${connections} connections`, async () => {
    const clients = Array.from({ length: connections }, () =>
      createClient(UserService, createGrpcTransport({ baseUrl: server().url })),
    );
    let users = 0;
    const converges = fc.asyncProperty(shuffledGroup, async ({ group, sends }) => {
      const ids = group.map(() => `converge ${users++}`);
      // The last connection is a stream, the others are unary calls.
      const requests = sends.map(({ set, write }) => requestOf(ids[set] ?? "", write));
      const isStreamed = (n: number) => sends[n]?.connection === connections - 1;
      async function* streamed() {
        yield { requests: requests.filter((_, n) => isStreamed(n)) };
      }
      const stream = async () => {
        for await (const { failed } of clients[connections - 1]?.batchIdentify(streamed()) ?? [])
          expect(failed).toBe(0);
      };
      const unary = requests.filter((_, n) => !isStreamed(n));
      const ways = sends.filter((_, n) => !isStreamed(n)).map(({ connection }) => connection);
      await Promise.all([stream(), ...unary.map((request, n) => clients[ways[n] ?? 0]?.identify(request))]);

      const found = await clients[0]?.batchGetUsers({ ids });
      expect(found?.users.map(({ properties }) => properties)).toEqual(group.map(({ writes }) => outcomeOf(writes)));
    });
    await fc.assert(converges, { numRuns: sets / setsAtOnce, endOnFailure: true });
  });
});
