/**
 * gRPC's interop cases, tried by gRPC's own clients, against the server's own listener: `npm run test:suite -- interop`. Fails if what a
 * client needs is missing and it is not left out, and if a case fails.
 */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { type Choices, readChoices, tellTools } from "../../clients/leaving-out.ts";
import { runCommand } from "../../clients/run-command.ts";
import { createCertificates } from "../../support/certificates.ts";
import type { Http2Layer } from "../../support/http2-layers.ts";
import { messageOf } from "../../support/message-of.ts";
import { host, mount } from "../mount.ts";
import { type InteropClient, interopClients } from "./clients.ts";
import { interopMethods, interopRoutes } from "./service.ts";

const caseTimeoutMs = 60_000;
/** Of those cases that go on for as long as one likes. A virtual machine's first call may take more than the usual second. */
const soak = [
  "--soak_iterations=100",
  "--soak_overall_timeout_seconds=50",
  "--soak_per_iteration_max_acceptable_latency_ms=10000",
];
const keys = interopClients.map(({ key }) => key);
const usage = `Usage: npm run test:suite -- interop -- [--without CLIENTS] [--http2 own|node]

Tries gRPC's interop cases with gRPC's own clients, in clear text and over TLS, with each HTTP/2 of the server.

  --without CLIENTS  leaves clients out, separated by commas: ${keys.join(", ")}
  --http2 LAYER      tries one HTTP/2
  --help             shows this
`;

try {
  const choices = readChoices(process.argv.slice(2), keys);
  if (choices === undefined) process.stdout.write(usage);
  else process.exitCode = (await tryAll(choices)) ? 0 : 1;
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = 2;
}

/** @returns whether all went well */
async function tryAll({ left, layers }: Choices): Promise<boolean> {
  const wanted = interopClients.filter(({ key }) => !left.has(key));
  if (wanted.length === 0) throw new Error("all clients are left out");
  const missing = await tellTools(interopClients, left);
  for (const { name, key } of missing) {
    console.log(`FAILED: what ${name} needs is missing; --without ${key} leaves it out`);
  }
  if (missing.length > 0) return summarize([], missing.length);

  for (const client of wanted) client.install();
  const certificates = createCertificates();
  const { cert, key } = certificates;
  const directory = mkdtempSync(join(tmpdir(), "rollcall-interop-"));
  try {
    cpSync(certificates.ca, join(directory, "certs", "ca.pem"));
    const outcomes: boolean[] = [];
    for (const http2 of layers) {
      for (const client of wanted) {
        outcomes.push(...(await tryCases(client, http2, directory, {})));
        outcomes.push(...(await tryCases(client, http2, directory, { tlsCert: cert, tlsKey: key })));
      }
    }
    return summarize(outcomes, 0);
  } finally {
    rmSync(directory, { recursive: true });
    certificates.remove();
  }
}

/** @returns whether all went well */
function summarize(outcomes: readonly boolean[], missing: number): boolean {
  const passed = outcomes.filter((one) => one).length;
  const failed = outcomes.length - passed + missing;
  console.log(`\n${passed} passed, ${failed} failed`);
  return failed === 0;
}

/** @returns of each case, whether it passed */
async function tryCases(
  { name, cases, command }: InteropClient,
  http2: Http2Layer,
  certificates: string,
  access: { readonly tlsCert?: string; readonly tlsKey?: string },
): Promise<readonly boolean[]> {
  const logger = pino({ level: "warn" }, process.stderr);
  const server = await mount({ routes: interopRoutes, methods: interopMethods(), access, http2, logger });
  const { program, args } = command(certificates);
  const over = `${access.tlsCert === undefined ? "clear text" : "TLS"}, --http2 ${http2}`;
  const tls = `--use_tls=${access.tlsCert !== undefined}`;
  const flags = [...args, `--server_host=${host}`, `--server_port=${server.port}`, tls, "--use_test_ca=true", ...soak];
  try {
    const outcomes: boolean[] = [];
    for (const one of cases) {
      const tried = { program, args: [...flags, `--test_case=${one}`] };
      const failure = await runCommand(tried, { folder: certificates, timeoutMs: caseTimeoutMs }).then(
        () => undefined,
        messageOf,
      );
      outcomes.push(failure === undefined);
      console.log(`${failure === undefined ? "ok" : "FAILED"}: ${name}: ${one} over ${over}`);
      if (failure !== undefined) console.log(failure);
    }
    return outcomes;
  } finally {
    await server.drain();
  }
}
