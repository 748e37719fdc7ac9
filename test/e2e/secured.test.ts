/** The program over TLS and with tokens, as its operators and its callers run it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Certificates, createCertificates } from "../support/certificates.ts";
import { rollcall, type ServeProcess, serve } from "../support/processes.ts";

const sample = new URL("../../examples/users.sample.ndjson", import.meta.url).pathname;

let directory: string;
let certificates: Certificates;
let server: ServeProcess;
let token: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "rollcall-secured-"));
  certificates = createCertificates();
  const made = await rollcall(["token", "importer", "--scopes", "users.read,users.write"]);
  const { entry, ...rest } = JSON.parse(made.stdout);
  token = rest.token;
  const credentials = join(directory, "credentials.json");
  writeFileSync(credentials, JSON.stringify({ tokens: [entry] }));
  const tls = ["--tls-cert", certificates.cert, "--tls-key", certificates.key];
  server = await serve(`sqlite:${join(directory, "users.db")}`, [...tls, "--credentials", credentials]);
});
afterAll(async () => {
  expect(await server.stop()).toBe(0);
  certificates.remove();
  rmSync(directory, { recursive: true });
});

const call = (args: string[], env: Record<string, string> = {}) =>
  rollcall(args, { ROLLCALL_SERVER: server.url, ROLLCALL_CA: certificates.ca, ...env });

test("the server says that it speaks TLS", () => {
  expect(server.url).toMatch(/^https:/);
});

test("commands call it with a token and its authority", async () => {
  // As `echo` leaves it in a file.
  const imported = await call(["import", sample], { ROLLCALL_TOKEN: `${token}\n` });
  expect(imported).toMatchObject({ status: 0, stderr: "" });
  const listed = await call(["list", "--token", token]);
  expect(listed.status).toBe(0);
  expect(listed.stdout).toContain('"id"');
  expect(await call(["health"])).toMatchObject({ status: 0, stdout: "SERVING\n" });
});

test("without a token, without the scope, and without its authority a command says what is missing", async () => {
  // An empty token is none.
  const missing = await call(["list"], { ROLLCALL_TOKEN: "" });
  expect(missing.stderr).toContain("UNAUTHENTICATED CREDENTIALS_INVALID: credentials are missing");
  expect(missing.stderr).toMatch(/--token or ROLLCALL_TOKEN says who is calling\)\n$/);
  const spoilt = await call(["list"], { ROLLCALL_TOKEN: `${token} more` });
  expect(spoilt).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/^rollcall: --token .*ASCII, without spaces\n$/),
  });
  const denied = await call(["delete", "u1"], { ROLLCALL_TOKEN: token });
  expect(denied.stderr).toContain("PERMISSION_DENIED SCOPE_MISSING: the caller lacks the scope users.delete");
  const distrustful = await rollcall(["health"], { ROLLCALL_SERVER: server.url });
  expect(distrustful.stderr).toMatch(/cannot reach .*certificate.* --ca/);
  expect((await call(["health", "--ca", "/none"])).stderr).toContain("--ca cannot be read");
  expect((await call(["health", "--ca", sample])).stderr).toContain(`--ca is not in PEM: ${sample}`);
  expect((await call(["health", "--cert", "/none"])).stderr).toContain("--cert and --key are given together");
});

test("a server that other machines could reach does not start without credentials, and says why", async () => {
  const { status, stderr } = await rollcall(["serve", "--listen", "0.0.0.0:0", "--store", `sqlite:${directory}/x.db`]);
  expect(status).toBe(1);
  expect(stderr).toContain("--listen 0.0.0.0:0 can be reached from other machines");
  const variable = await rollcall(["serve"], { ROLLCALL_INSECURE: "maybe" });
  expect(variable.stderr).toContain("Expected yes or no");
});

test("token names a scope that there is not", async () => {
  expect(await rollcall(["token", "a", "--scopes", "users.all"])).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('"users.all"'),
  });
});
