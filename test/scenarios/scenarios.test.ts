/** The scenarios that every language's client is held to, by Connect-ES over each protocol and on both stores. */
import { randomUUID } from "node:crypto";
import { readdirSync } from "node:fs";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { describe, expect, test } from "vitest";
import { describeEachStore } from "../support/each-store.ts";
import { play } from "./play.ts";
import { readSteps } from "./scenario-file.ts";

const httpVersion = "2";
const protocols = {
  grpc: (baseUrl: string) => createGrpcTransport({ baseUrl }),
  "grpc-web": (baseUrl: string) => createGrpcWebTransport({ baseUrl, httpVersion }),
  connect: (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion }),
  "connect-json": (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion, useBinaryFormat: false }),
};
const files = readdirSync(import.meta.dirname).filter((name) => name.endsWith(".json"));

describeEachStore({}, (server) => {
  describe.each(files)("%s", (file) => {
    const steps = readSteps(`${import.meta.dirname}/${file}`);

    // Twice over the first: a run does not need an empty store.
    test.each([...Object.keys(protocols), "grpc"])("over %s", async (protocol) => {
      const transport = Object.entries(protocols).find(([name]) => name === protocol)?.[1](server().url);
      if (transport === undefined) expect.fail(`there is no protocol ${protocol}`);
      const results = [];
      for await (const result of play(steps, { transport, run: `${randomUUID()} ` })) results.push(result);
      expect(results.filter(({ ok }) => !ok)).toEqual([]);
      expect(results).toHaveLength(steps.length);
    });
  });
});
