import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe } from "vitest";
import { createKeys } from "../../src/store/redis/keys.ts";
import { openBesideStore } from "./beside-store.ts";
import { type RedisProcess, startRedis } from "./redis.ts";
import { inFull } from "./repeats.ts";
import { startTestServer, type TestServer, type TestServerOptions } from "./server.ts";
import { switchIndexes } from "./switch-indexes.ts";

export interface StoreOptions extends Omit<TestServerOptions, "store"> {
  /** What is indexed, as `rollcall indexes set` takes it. Default: nothing. */
  readonly indexed?: string;
  /** Of a caller, if the server asks for credentials. */
  readonly authorization?: string;
}

type Choose = <Protocol>(protocols: readonly Protocol[]) => readonly Protocol[];

/**
 * Describes what holds over each store: a server for each, started before the tests and stopped after them.
 *
 * @param body given the server, which is there once the tests run; a function that damages what is stored of a user; and one
 * that chooses among protocols: all of them over SQLite and in a full run, else every third, as no store knows of protocols
 */
export function describeEachStore(
  { indexed, authorization, ...options }: StoreOptions,
  body: (server: () => TestServer, spoil: (id: string) => Promise<void>, choose: Choose) => void,
): void {
  describe.each(["SQLite", "Redis"])("over %s", (store) => {
    let redis: RedisProcess | undefined;
    let server: TestServer | undefined;
    const directory = mkdtempSync(join(tmpdir(), "rollcall-each-store-"));
    const file = join(directory, "users.db");
    beforeAll(async () => {
      if (store === "Redis") redis = await startRedis();
      const location = redis?.url ?? `sqlite:${file}`;
      server = await startTestServer({ ...options, store: location });
      if (indexed === undefined) return;
      const transport = createGrpcTransport({ baseUrl: server.url });
      await switchIndexes(location, indexed, { transport, ...(authorization && { headers: { authorization } }) });
    });
    afterAll(async () => {
      await server?.stop();
      await redis?.stop();
      rmSync(directory, { recursive: true });
    });
    const spoil = async (id: string) => {
      if (redis === undefined) {
        const database = openBesideStore(file);
        database.prepare("UPDATE user SET properties = ? WHERE id = ?").run(Buffer.from("no Struct"), id);
        database.close();
        return;
      }
      const direct = new Redis(redis.url);
      await direct.hset(createKeys("rollcall:").user(id), "properties", "no Struct");
      direct.disconnect();
    };
    const choose: Choose = (all) => (inFull || store === "SQLite" ? all : all.filter((_, at) => at % 3 === 0));
    body(
      () => {
        if (server === undefined) throw new Error("the server is there once the tests run");
        return server;
      },
      spoil,
      choose,
    );
  });
}
