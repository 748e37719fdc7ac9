/** The program over TLS and with tokens, as its operators and its callers run it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Certificates, createCertificates } from "../support/certificates.ts";
import { rollcall, type ServeProcess, serve } from "../support/processes.ts";

const sample = new URL("../../docs/users.sample.ndjson", import.meta.url).pathname;

let directory: string;
let certificates: Certificates;
let server: ServeProcess;
let token: string;
let writeOnly: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "rollcall-secured-"));
  certificates = createCertificates();
  const make = async (name: string, scopes: string) =>
    JSON.parse((await rollcall(["token", name, "--scopes", scopes])).stdout);
  const [importer, feed] = [await make("importer", "users.read,users.write"), await make("feed", "users.write")];
  token = importer.token;
  writeOnly = feed.token;
  const credentials = join(directory, "credentials.json");
  writeFileSync(credentials, JSON.stringify({ tokens: [importer.entry, feed.entry] }));
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

test("commands of a caller who may only write say that it was applied", async () => {
  const env = { ROLLCALL_TOKEN: writeOnly };
  const imported = await call(["import", sample], env);
  expect(imported).toMatchObject({ status: 0, stderr: "" });
  expect(imported.stdout).toMatch(/^users {6}20\napplied {4}20\nfailed {6}0\ntime/);
  const summary = JSON.parse((await call(["import", sample, "--json"], env)).stdout);
  expect(summary).toMatchObject({ users: 20, created: 0, updated: 0, unchanged: 0, applied: 20, failed: 0 });
  const identify = ["identify", "feed", "--properties", '{"name":"Ada","email":"ada@example.com"}'];
  const identified = await call(identify, env);
  expect([identified.status, JSON.parse(identified.stdout)]).toEqual([0, { outcome: "OUTCOME_APPLIED" }]);
  expect(await call(["set-preferences", "feed", "--preferences", "{}"], env)).toMatchObject({
    status: 0,
    stdout: "{}\n",
  });
  const registry = JSON.parse((await call(["registry"], env)).stdout);
  expect(registry.principal).toMatchObject({ name: "feed", scopes: ["users.write"] });
  const refusal = "rollcall: PERMISSION_DENIED SCOPE_MISSING: validate_only: the caller lacks the scope users.read\n";
  for (const args of [
    [...identify, "--validate-only"],
    ["import", sample, "--dry-run"],
  ]) {
    expect(await call(args, env)).toMatchObject({ status: 1, stdout: "", stderr: refusal });
  }
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
  expect(stderr).toContain("--listen 0.0.0.0:0 is open to other machines");
  const variable = await rollcall(["serve"], { ROLLCALL_INSECURE: "maybe" });
  expect(variable.stderr).toContain("Expected yes or no");
});

test("token names a scope that there is not", async () => {
  expect(await rollcall(["token", "a", "--scopes", "users.all"])).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('"users.all"'),
  });
});
