/** What tests of imports by the client library share. */
import type { JsonObject } from "@bufbuild/protobuf";
import { expect, onTestFinished } from "vitest";
import { systemTiming } from "../../src/client/backoff.ts";
import {
  createRollcallClient,
  ImportInterrupted,
  type ImportOptions,
  importUsers,
  type Protocol,
  type RollcallClient,
  type UserToImport,
} from "../../src/client/index.ts";
import { ada, startTestServer, type TestServer } from "./server.ts";

export interface Item extends UserToImport {
  readonly position: number;
}

export const item = (position: number, properties: JsonObject = ada): Item => ({
  position,
  id: `u${position}`,
  properties,
});
export const items = (count: number, first = 0) => Array.from({ length: count }, (_, index) => item(first + index));
export const nothingRefused = { onRefused: ({ position }: Item) => expect.fail(`item ${position} was refused`) };
/** Waits as little as there is to wait. */
export const hasty = { ...systemTiming, random: () => 0.1 };

/** Over a stream, and call by call. */
export const protocols = ["grpc", "connect"] as const;

export async function servers(
  options: Parameters<typeof startTestServer>[0] = {},
  protocol: Protocol = "grpc",
): Promise<[TestServer, RollcallClient]> {
  const server = await startTestServer(options);
  onTestFinished(() => server.stop());
  return [server, createRollcallClient({ server: server.url, protocol })];
}

export async function interrupted<Imported extends Item>(
  client: RollcallClient,
  source: Iterable<Imported> | AsyncIterable<Imported>,
  options: Partial<ImportOptions<Imported>>,
): Promise<ImportInterrupted<Imported>> {
  const failure: unknown = await importUsers(client, source, { ...nothingRefused, ...options }, hasty).catch(
    (error: unknown) => error,
  );
  if (!(failure instanceof ImportInterrupted)) expect.fail(`not interrupted: ${failure}`);
  return failure;
}

export async function* endless() {
  for (let position = 0; ; position++) yield item(position);
}

export async function storedOf(client: RollcallClient, ids: readonly string[]): Promise<number> {
  let stored = 0;
  for (let at = 0; at < ids.length; at += 1_000) {
    stored += (await client.batchGetUsers({ ids: ids.slice(at, at + 1_000), onlyProperties: ["name"] })).users.length;
  }
  return stored;
}

export const counts = (some: { created?: number; unchanged?: number; failed?: number }) => {
  const { created = 0, unchanged = 0, failed = 0 } = some;
  return { created, updated: 0, unchanged, applied: 0, failed, answered: created + unchanged + failed };
};
