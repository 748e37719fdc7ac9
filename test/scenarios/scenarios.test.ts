/** The scenarios that every language's client is held to, through every client and protocol of test/e2e/exchanges and on both stores. */
import { randomUUID } from "node:crypto";
import type { Transport } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, expect, test } from "vitest";
import { carriers, quickClients } from "../e2e/exchanges/carriers.ts";
import { closeClients } from "../e2e/exchanges/grpc-js.ts";
import { describeEachStore } from "../support/each-store.ts";
import { play, type StepResult } from "./play.ts";
import { readSteps } from "./scenario-file.ts";

const stepsOf = (file: string) => readSteps(`${import.meta.dirname}/${file}`);

afterAll(closeClients);

describeEachStore({ indexed: "email:fold,plan" }, (server, _, choose) => {
  async function results(file: string, transport: Transport) {
    const results: StepResult[] = [];
    for await (const result of play(stepsOf(file), { transport, run: `${randomUUID()} ` })) results.push(result);
    return results;
  }

  // All on one store: a run does not need an empty one.
  test.each(choose(carriers.filter(quickClients)))(
    "what must come true does, through $name",
    async ({ connect, httpVersion }) => {
      const transport = connect(server().url);
      // Streams need HTTP/2.
      const { stream } = httpVersion === "2" ? transport : createGrpcTransport({ baseUrl: server().url });
      const told = await results("users.json", { ...transport, stream });
      expect(told).toEqual(stepsOf("users.json").map(({ name }) => ({ step: name, ok: true })));
    },
  );

  test("what must not come true does not", async () => {
    const told = await results("mismatches.json", createGrpcTransport({ baseUrl: server().url }));
    const failed = { ok: false, why: expect.stringMatching(/\w/) };
    expect(told).toEqual(stepsOf("mismatches.json").map(({ name }) => ({ step: name, ...failed })));
  });
});
