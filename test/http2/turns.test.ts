/** How the connections of our own HTTP/2 share the turns of the event loop. */
import { afterEach, expect, test } from "vitest";
import { limits } from "../../src/http2/limits.ts";
import { answerWith } from "../support/exchanges.ts";
import { RawHttp2Client } from "../support/http2-raw-client.ts";
import { until } from "../support/until.ts";
import { type OwnServer, startOwn } from "./own-server.ts";
import { request } from "./raw-requests.ts";

let server: OwnServer;
const clients: RawHttp2Client[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.socket.destroy();
  server.listener.destroy();
});

async function connect(settings?: Buffer): Promise<RawHttp2Client> {
  const client = await RawHttp2Client.connect(server.listener.port, settings);
  clients.push(client);
  return client;
}

/** Ids of a client's first streams. */
const ids = (count: number) => Array.from({ length: count }, (_, index) => 2 * index + 1);

test("a client with many requests at once leaves turns to the others", async () => {
  const begun: string[] = [];
  server = await startOwn(
    {},
    {
      handler(exchange) {
        begun.push(exchange.path);
        answerWith(exchange, "done");
      },
    },
  );
  const [many, one] = [await connect(), await connect()];
  many.send(...ids(1_000).map((id) => request(id, "/many")));
  one.send(request(1, "/one"));
  await until(() => begun.length === 1_001);
  expect(begun.indexOf("/one")).toBeLessThan(8 * limits.requestsInTurn);
  await until(() => ids(1_000).every((id) => many.stream(id)?.end === "end"));
});
