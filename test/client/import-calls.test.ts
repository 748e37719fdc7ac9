/** Imports over HTTP/1.1, call by call: what differs from a stream. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { expect, onTestFinished, test } from "vitest";
import { IdentifyUsersResponseSchema } from "#gen/rollcall/v1/user_service_pb.js";
import { createRollcallClient, importUsers } from "../../src/client/index.ts";
import { fileWith } from "../support/files.ts";
import { startHttp1Proxy } from "../support/http1-proxy.ts";
import {
  counts,
  hasty,
  type Item,
  interrupted,
  item,
  items,
  nothingRefused,
  servers,
} from "../support/import-items.ts";
import { ada } from "../support/server.ts";

async function behindProxy(options: Parameters<typeof servers>[0] = {}) {
  const [server, direct] = await servers(options);
  const proxy = await startHttp1Proxy(server.port);
  onTestFinished(() => proxy.stop());
  return { proxy, direct, client: createRollcallClient({ server: proxy.url, protocol: "connect" }) };
}

test("a call carries what was read during the one before, up to a thousand items", async () => {
  const { proxy, client } = await behindProxy();
  const answered: number[] = [];
  const onProgress = (progress: { answered: number }) => answered.push(progress.answered);
  const result = await importUsers(client, items(6_000), { ...nothingRefused, onProgress });
  expect(result).toEqual(counts({ created: 6_000 }));
  expect(proxy.requests).toEqual(Array(answered.length).fill("1.1 application/proto IdentifyUsers"));
  const sizes = answered.map((count, at) => count - (answered[at - 1] ?? 0));
  expect(Math.max(...sizes)).toBe(1_000);
});

test("items of one user keep their order across calls", async () => {
  const { direct, client } = await behindProxy();
  const source = items(1_000).map((each) => ({
    ...each,
    id: `u${each.position % 7}`,
    properties: { ...ada, n: each.position },
  }));
  await importUsers(client, source, { ...nothingRefused, chunkUsers: 10 });
  const { users } = await direct.listUsers({});
  const last = users.map(({ id, properties }) => [id, properties?.["n"]]);
  expect(last).toEqual(Array.from({ length: 7 }, (_, at) => [`u${at}`, 999 - ((999 - at) % 7)]));
});

test("refused and unsendable items of joined messages are reported in order, and can be decoded", async () => {
  const { client } = await behindProxy();
  const source = items(3_000).map((each) => {
    if (each.position % 700 === 0) return item(each.position, { name: "no email" });
    return each.position % 1_100 === 1 ? item(each.position, { ...ada, half: "\ud800" }) : each;
  });
  const refused: [number, string, string][] = [];
  const stored: number[] = [];
  const result = await importUsers(client, source, {
    keep: ({ position }: Item) => position,
    onRefused: (position, { reason }, user) => refused.push([position, reason, user().id]),
    onResult: (position) => stored.push(position),
  });
  expect(result).toEqual(counts({ created: 2_992, failed: 8 }));
  const missing = [0, 700, 1_400, 2_100, 2_800];
  const unsendable = [1, 1_101, 2_201];
  const expected = [...missing, ...unsendable].toSorted((a, b) => a - b);
  expect(refused).toEqual(
    expected.map((at) => [at, missing.includes(at) ? "REQUIRED_PROPERTY_MISSING" : "INVALID_PROPERTY", `u${at}`]),
  );
  expect(stored).toEqual(items(3_000).flatMap(({ position }) => (expected.includes(position) ? [] : [position])));
});

test("messages are joined only as far as the server takes their names to unset", async () => {
  const { client } = await behindProxy();
  await importUsers(client, items(4), nothingRefused);
  const unset = Array.from({ length: 250 }, (_, at) => `p${at}`);
  const source = items(1_000).map((each) => ({ ...each, id: `u${each.position % 4}`, unset }));
  expect(await importUsers(client, source, nothingRefused)).toEqual(counts({ unchanged: 1_000 }));
});

test("after a lost answer, the items are sent again", async () => {
  const { proxy, client } = await behindProxy();
  const reasons: number[] = [];
  proxy.cutNextAnswer();
  const onWaiting = ({ code }: { code: Code }) => reasons.push(code);
  const result = await importUsers(client, items(500), { ...nothingRefused, onWaiting }, hasty);
  expect(result).toEqual(counts({ unchanged: 500 }));
  expect(reasons).toEqual([Code.Unavailable]);
});

/** A client of a scripted server. */
async function against(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(answer);
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return createRollcallClient({ server: `http://127.0.0.1:${port}`, protocol: "connect" });
}
const error = (response: ServerResponse, status: number, code: string) =>
  response.writeHead(status, { "content-type": "application/json" }).end(`{"code":"${code}","message":"no"}`);

test("a call without an answer in time is repeated, and the client itself repeats none", async () => {
  const timeouts: unknown[] = [];
  const client = await against(({ headers }, response) => {
    timeouts.push(headers["connect-timeout-ms"]);
    if (timeouts.length === 1) error(response, 504, "deadline_exceeded");
    else if (timeouts.length === 2) error(response, 503, "unavailable");
    else {
      response.writeHead(200, { "content-type": "application/proto" });
      response.end(toBinary(IdentifyUsersResponseSchema, create(IdentifyUsersResponseSchema, { created: 1 })));
    }
  });
  const waits: number[] = [];
  const onWaiting = ({ code }: { code: Code }) => waits.push(code);
  const result = await importUsers(client, items(1), { ...nothingRefused, onWaiting }, hasty);
  expect(result).toEqual(counts({ created: 1 }));
  expect(waits).toEqual([Code.DeadlineExceeded, Code.Unavailable]);
  expect(timeouts).toEqual(["60000", "60000", "60000"]);
});

test("a server without IdentifyUsers is named as what it is", async () => {
  const client = await against((_, response) => error(response, 501, "unimplemented"));
  const { cause } = await interrupted(client, items(1), {});
  expect(cause).toMatchObject({ code: Code.Unimplemented, message: expect.stringContaining("from version 0.2 on") });
});

test("an import ends at once when it is cancelled while its source has nothing", async () => {
  const { client } = await behindProxy();
  const stop = new AbortController();
  async function* waiting() {
    yield item(0);
    await once(stop.signal, "abort");
    yield item(1);
  }
  const onProgress = () => setImmediate(() => stop.abort());
  const failure = await interrupted(client, waiting(), { signal: stop.signal, chunkUsers: 1, onProgress });
  expect(failure.cause.code).toBe(Code.Canceled);
  expect(failure.counts).toEqual(counts({ created: 1 }));
});

test("a large message of a caller without credentials is refused with the reason", async () => {
  const credentials = fileWith(
    JSON.stringify({ tokens: [{ name: "a", sha256: "ab".repeat(32), scopes: ["users.read"] }] }),
    "c.json",
  );
  const { client } = await behindProxy({ access: { credentials } });
  const large = Array.from({ length: 1_000 }, (_, at) => item(at, { ...ada, text: "x".repeat(1_000) }));
  const failure = await interrupted(client, large, {});
  expect(failure.cause).toMatchObject({ code: Code.Unauthenticated, reason: "CREDENTIALS_INVALID" });
});
