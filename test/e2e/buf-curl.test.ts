/** `buf curl` as a client that learns the contract from the server, by reflection. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestServer, type TestServer } from "../support/server.ts";

const run = promisify(execFile);
const buf = new URL("../../node_modules/.bin/buf", import.meta.url).pathname;

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

async function curl(...args: string[]): Promise<string> {
  const { stdout } = await run(buf, ["curl", "--http2-prior-knowledge", ...args], { env: process.env });
  return stdout;
}

describe.each(["v1", "v1alpha"])("reflection %s", (version) => {
  test("lists every service and method", async () => {
    const listed = await curl("--reflect-protocol", `grpc-${version}`, "--list-methods", server.url);
    expect(listed.trim().split("\n").sort()).toEqual([
      "grpc.health.v1.Health/Check",
      "grpc.health.v1.Health/List",
      "grpc.health.v1.Health/Watch",
      "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
      "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
      "rollcall.v1.UserService/BatchGetUsers",
      "rollcall.v1.UserService/BatchIdentify",
      "rollcall.v1.UserService/DeleteUser",
      "rollcall.v1.UserService/GetUser",
      "rollcall.v1.UserService/Identify",
      "rollcall.v1.UserService/ListUsers",
      "rollcall.v1.UserService/SetPreferences",
    ]);
  });
});

describe.each(["grpc", "grpcweb", "connect"])("through %s", (protocol) => {
  const call = async (method: string, data: object) =>
    JSON.parse(
      await curl("--protocol", protocol, "-d", JSON.stringify(data), `${server.url}/rollcall.v1.UserService/${method}`),
    );

  test("a user is identified and read back", async () => {
    const properties = { name: "Ada", email: "ada@example.com", nested: { list: [1, null, true] } };
    expect(await call("Identify", { id: protocol, properties })).toMatchObject({
      user: { id: protocol, properties, preferences: {} },
      outcome: "OUTCOME_CREATED",
    });
    expect(await call("GetUser", { id: protocol })).toMatchObject({ user: { id: protocol, properties } });
  });

  test("an error is told with its details", async () => {
    const failed = call("GetUser", { id: "nobody" });
    await expect(failed).rejects.toMatchObject({
      stderr: expect.stringMatching(/not_found.*there is no user with this id.*google\.rpc\.ErrorInfo/s),
    });
  });
});
