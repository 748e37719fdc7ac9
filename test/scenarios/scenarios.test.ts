/** The scenarios that every language's client is held to, by Connect-ES over each protocol and on both stores. */
import { randomUUID } from "node:crypto";
import type { Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { expect, test } from "vitest";
import { describeEachStore } from "../support/each-store.ts";
import { play, type StepResult } from "./play.ts";
import { readSteps } from "./scenario-file.ts";

const httpVersion = "2";
const protocols: [string, (baseUrl: string) => Transport][] = [
  ["gRPC", (baseUrl) => createGrpcTransport({ baseUrl })],
  ["gRPC-Web", (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion })],
  ["Connect", (baseUrl) => createConnectTransport({ baseUrl, httpVersion })],
  ["Connect with JSON", (baseUrl) => createConnectTransport({ baseUrl, httpVersion, useBinaryFormat: false })],
];
const stepsOf = (file: string) => readSteps(`${import.meta.dirname}/${file}`);

describeEachStore({}, (server) => {
  async function results(file: string, transport: Transport) {
    const results: StepResult[] = [];
    for await (const result of play(stepsOf(file), { transport, run: `${randomUUID()} ` })) results.push(result);
    return results;
  }

  // All on one store: a run does not need an empty one.
  test.each(protocols)("what must come true does, over %s", async (_, connect) => {
    const told = await results("users.json", connect(server().url));
    expect(told).toEqual(stepsOf("users.json").map(({ name }) => ({ step: name, ok: true })));
  });

  test("what must not come true does not", async () => {
    const told = await results("mismatches.json", createGrpcTransport({ baseUrl: server().url }));
    const failed = { ok: false, why: expect.stringMatching(/\w/) };
    expect(told).toEqual(stepsOf("mismatches.json").map(({ name }) => ({ step: name, ...failed })));
  });
});
