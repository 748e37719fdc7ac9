/** Commands where only HTTP/1.1 is to be had. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Certificates, createCertificates } from "../support/certificates.ts";
import { type Http1Proxy, startHttp1Proxy } from "../support/http1-proxy.ts";
import { rollcall, type ServeProcess, serve } from "../support/processes.ts";

let directory: string;
let certificates: Certificates;
let server: ServeProcess;
let clear: Http1Proxy;
let secured: Http1Proxy;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "rollcall-http1-"));
  certificates = createCertificates();
  server = await serve(`sqlite:${join(directory, "users.db")}`);
  const port = Number(new URL(server.url).port);
  clear = await startHttp1Proxy(port);
  secured = await startHttp1Proxy(port, certificates);
});
afterAll(async () => {
  await clear.stop();
  await secured.stop();
  expect(await server.stop()).toBe(0);
  certificates.remove();
  rmSync(directory, { recursive: true });
});

interface Way {
  readonly proxy: () => Http1Proxy;
  readonly env: () => Record<string, string>;
}
const ways: Readonly<Record<string, Way>> = {
  "clear text with --protocol connect": {
    proxy: () => clear,
    env: () => ({ ROLLCALL_SERVER: clear.url, ROLLCALL_PROTOCOL: "connect" }),
  },
  "TLS that offers HTTP/1.1 only": {
    proxy: () => secured,
    env: () => ({ ROLLCALL_SERVER: secured.url, ROLLCALL_CA: certificates.ca }),
  },
  "TLS with --protocol connect": {
    proxy: () => secured,
    env: () => ({ ROLLCALL_SERVER: secured.url, ROLLCALL_CA: certificates.ca, ROLLCALL_PROTOCOL: "connect" }),
  },
};

describe.each(Object.entries(ways))("over %s", (_, { proxy, env }) => {
  const call = (...args: string[]) => rollcall(args, env());
  const jsonOf = async (...args: string[]) => {
    const { status, stdout, stderr } = await call(...args);
    expect([status, stderr]).toEqual([0, ""]);
    return JSON.parse(stdout);
  };

  test("every command makes its calls", async () => {
    const from = proxy().requests.length;
    expect(await call("health")).toMatchObject({ status: 0, stdout: "SERVING\n", stderr: "" });
    const properties = '{"name":"Ada","email":"ada@example.com"}';
    expect(await jsonOf("identify", "u1", "--properties", properties)).toMatchObject({ outcome: "OUTCOME_CREATED" });
    const preferences = '{"newsletter":true}';
    const set = await jsonOf("set-preferences", "u1", "--preferences", preferences);
    expect(set).toMatchObject({ user: { preferences: { newsletter: true } } });
    expect(await jsonOf("get", "u1")).toMatchObject({ user: { id: "u1", properties: { name: "Ada" } } });
    await jsonOf("identify", "u2", "--properties", properties);
    expect((await jsonOf("get", "u1", "u2")).users).toHaveLength(2);
    expect((await jsonOf("list")).users).toHaveLength(2);
    const file = join(directory, "out.ndjson");
    expect(await call("export", file)).toMatchObject({ status: 0 });
    expect(readFileSync(file, "utf8").trimEnd().split("\n")).toHaveLength(2);
    const imported = await call("import", file, "--json");
    expect(imported).toMatchObject({ status: 0, stderr: "" });
    expect(JSON.parse(imported.stdout)).toMatchObject({ users: 2, unchanged: 2 });
    for (const id of ["u1", "u2"]) expect(await call("delete", id)).toMatchObject({ status: 0, stderr: "" });
    const requests = proxy().requests.slice(from);
    expect(requests).toContain("1.1 application/proto IdentifyUsers");
    expect(requests.filter((request) => !request.startsWith("1.1 application/proto "))).toEqual([]);
  });

  test("a refusal has its reason and fields", async () => {
    const missing = await call("get", "nobody");
    expect(missing).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^rollcall: NOT_FOUND USER_NOT_FOUND: /),
    });
    const invalid = await call("identify", "u3", "--properties", "{}");
    expect(invalid.stderr).toMatch(/^rollcall: INVALID_ARGUMENT REQUIRED_PROPERTY_MISSING\n {2}properties\.\w+: /);
  });
});

test.each(["connect", "grpc"])("a server with TLS takes --protocol %s", async (protocol) => {
  const database = join(directory, `${protocol}.db`);
  const tls = ["--tls-cert", certificates.cert, "--tls-key", certificates.key];
  const direct = await serve(`sqlite:${database}`, tls);
  const called = await rollcall(["health", "--server", direct.url, "--ca", certificates.ca, "--protocol", protocol]);
  expect(called).toMatchObject({ status: 0, stdout: "SERVING\n", stderr: "" });
  await direct.stop();
});

test.each(["get", "health"])("without HTTP/2, %s over gRPC says how to call", async (command) => {
  const args = command === "get" ? ["get", "u1"] : [command];
  const fix = "if it leads to Rollcall, call it with --protocol connect";
  for (const [url, options] of [
    [clear.url, []],
    [clear.url, ["--protocol", "grpc"]],
    [secured.url, ["--protocol", "grpc", "--ca", certificates.ca]],
  ] as const) {
    const ended = await rollcall([...args, "--server", url, ...options]);
    expect(ended).toMatchObject({ status: 1, stdout: "" });
    expect(ended.stderr).toMatch(/^rollcall: cannot reach .* does not speak HTTP\/2; .*\n$/);
    expect(ended.stderr).toContain(fix);
  }
});

test("there are two protocols", async () => {
  const { status, stderr } = await rollcall(["get", "u1"], { ROLLCALL_PROTOCOL: "grpc-web" });
  expect(status).toBe(1);
  expect(stderr).toContain("'ROLLCALL_PROTOCOL'");
  expect(stderr).toContain("Allowed choices are grpc, connect.");
});
