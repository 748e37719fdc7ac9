/** `rollcall serve --trusted-proxies`: whose connections never wait, in all workers. */
import { expect, onTestFinished, test } from "vitest";
import { redisWith } from "../support/for-one-test.ts";
import { rollcall, type ServeProcess, serve } from "../support/processes.ts";
import { ResettingCaller } from "../support/resetting-caller.ts";
import { until } from "../support/until.ts";

const workers = 2;
/** As many in each worker as make others from their address wait for longer than any may. */
const offenders = 12 * workers;

async function start(env: Readonly<Record<string, string>>): Promise<ServeProcess> {
  const { url } = await redisWith();
  const server = await serve(url, ["--workers", String(workers)], () => {}, env);
  onTestFinished(async () => void (await server.stop()));
  return server;
}

async function callersFrom(localAddress: string, server: ServeProcess, count: number): Promise<ResettingCaller[]> {
  const port = Number(new URL(server.url).port);
  // What is answered before it is reset does no harm.
  const headers = { ":path": "/rollcall.v1.UserService/GetUser", "content-type": "application/grpc", te: "trailers" };
  const connect = () => ResettingCaller.connect(port, { localAddress, headers });
  const callers = await Promise.all(Array.from({ length: count }, connect));
  onTestFinished(() => callers.forEach(({ socket }) => void socket.destroy()));
  return callers;
}

/** Whether new connections from an address are served after many from there have done harm. */
async function areServed(localAddress: string, server: ServeProcess): Promise<boolean> {
  const harmful = await callersFrom(localAddress, server, offenders);
  // Each is served before any does harm.
  await Promise.all(harmful.map((caller) => caller.call({ answered: 1, reset: 0 })));
  await Promise.all(harmful.map((caller) => caller.call({ answered: 0, reset: 500 })));
  await until(() => harmful.every(({ socket }) => socket.closed));
  const newcomers = await callersFrom(localAddress, server, 5 * workers);
  const served = Promise.all(newcomers.map((caller) => caller.call({ answered: 1, reset: 0 })));
  const turnedAway = until(() => newcomers.some(({ socket }) => socket.closed));
  return Promise.race([
    served.then(() => newcomers.every(({ socket }) => !socket.closed)),
    turnedAway.then(() => false),
  ]);
}

test("of its addresses, none waits in any worker, and others do", async () => {
  const server = await start({ ROLLCALL_TRUSTED_PROXIES: "127.0.0.66" });
  expect(await areServed("127.0.0.66", server)).toBe(true);
  expect(await areServed("127.0.0.67", server)).toBe(false);
});

test("that are no addresses are refused by name", async () => {
  const { status, stderr } = await rollcall(["serve", "--trusted-proxies", "10.0.0.0/8,proxy.example.com"]);
  expect(status).toBe(1);
  expect(stderr).toContain("--trusted-proxies");
  expect(stderr).toContain("proxy.example.com is not an IP address");
});
