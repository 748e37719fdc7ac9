/** That personal data would be found, wherever a server told it. */

import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { expect, onTestFinished, test } from "vitest";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { openHeardTelemetry } from "./heard-telemetry.ts";
import { listenTo, personal, takeFindings } from "./personal-data.ts";
import { serve } from "./processes.ts";
import { ada, startTestServer } from "./server.ts";
import { until } from "./until.ts";

/** An id that a caller gives its request is told as it is, which makes it a way to have a server tell anything. */
const told = personal("told-as-the-id-of-a-request");
const headers = { "x-request-id": told };
const found = [expect.stringContaining(`tells ${JSON.stringify(told)}`)];

test("a line that holds an e-mail address, a name, a token or a remembered word is found, however it is cut", () => {
  for (const line of [`{"reason":"${ada.email}"}`, "of Ada", "Bearer abc", "eyJhbGciOiJFUzI1NiJ9", told]) {
    const listen = listenTo("a server");
    for (const letter of `${line}\n`) listen(letter);
    expect(takeFindings().length, line).toBeGreaterThan(0);
  }
  listenTo("a server")('{"msg":"request","stack":"at /node_modules/@connectrpc/connect"}\n');
  expect(takeFindings()).toEqual([]);
});

test("a server of this process that logs it or has it in a metric is found out", async () => {
  const directory = mkdtempSync(join(tmpdir(), "rollcall-personal-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const credentials = join(directory, "credentials.json");
  const name = personal("told-as-the-name-of-a-caller");
  const sha256 = createHash("sha256").update("token").digest("hex");
  writeFileSync(credentials, JSON.stringify({ tokens: [{ name, sha256, scopes: ["users.read"] }] }));
  const server = await startTestServer({ access: { credentials } });
  const client = createClient(UserService, createGrpcTransport({ baseUrl: server.url }));
  await client.listUsers({}, { headers: { ...headers, authorization: "Bearer token" } });
  expect(takeFindings()).toEqual([expect.stringMatching(/"msg":"request"/)]);
  await server.stop();
  expect(takeFindings()).toEqual([expect.stringContaining(`rollcall_caller="${name}"`)]);
});

test("a span that holds it is found", () => {
  const { tracer } = openHeardTelemetry(listenTo("a span"));
  tracer?.startSpan("a call", { attributes: { "user.email": ada.email } }).end();
  expect(takeFindings()).toHaveLength(1);
});

test("a server process that logs it is found out", async () => {
  const directory = mkdtempSync(join(tmpdir(), "rollcall-found-out-"));
  const server = await serve(`sqlite:${join(directory, "users.db")}`, ["--log-level", "debug"], () => {});
  const client = createClient(UserService, createGrpcTransport({ baseUrl: server.url }));
  await client.listUsers({}, { headers });
  const findings: string[] = [];
  await until(() => findings.push(...takeFindings()) > 0);
  expect(findings).toEqual(found);
  await server.stop();
  rmSync(directory, { recursive: true });
});
