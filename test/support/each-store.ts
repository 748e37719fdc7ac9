import { afterAll, beforeAll, describe } from "vitest";
import { type RedisProcess, startRedis } from "./redis.ts";
import { startTestServer, type TestServer, type TestServerOptions } from "./server.ts";

/**
 * Describes what holds over each store: a server for each, started before the tests and stopped after them.
 *
 * @param body given the server, which is there once the tests run
 */
export function describeEachStore(
  options: Omit<TestServerOptions, "store">,
  body: (server: () => TestServer) => void,
): void {
  describe.each(["SQLite", "Redis"])("over %s", (store) => {
    let redis: RedisProcess | undefined;
    let server: TestServer | undefined;
    beforeAll(async () => {
      if (store === "Redis") redis = await startRedis();
      server = await startTestServer({
        ...options,
        ...(redis === undefined ? {} : { store: redis.url }),
      });
    });
    afterAll(async () => {
      await server?.stop();
      await redis?.stop();
    });
    body(() => {
      if (server === undefined) throw new Error("the server is there once the tests run");
      return server;
    });
  });
}
