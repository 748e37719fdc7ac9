/**
 * Independent HTTP/2 clients and proxies against `rollcall serve`, in clear text and over TLS, with each HTTP/2 of the server:
 * `npm run test:suite -- exercises`. Each stores, reads, finds, counts and scans users, reads an error with details and an answer of 240,000 bytes, sends
 * a stream of 3,000 users, and makes 100 calls at once on one connection. Fails if a step fails, or if what a client needs is missing and it
 * is not left out.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { closeClients } from "../../e2e/exchanges/grpc-js.ts";
import type { StepResult } from "../../scenarios/play.ts";
import { type Certificates, createCertificates } from "../../support/certificates.ts";
import type { Http2Layer } from "../../support/http2-layers.ts";
import { messageOf } from "../../support/message-of.ts";
import { serve } from "../../support/processes.ts";
import { switchIndexes } from "../../support/switch-indexes.ts";
import { type Choices, readChoices, tellTools } from "../leaving-out.ts";
import { clients, type ExercisedClient, toolchains } from "./clients.ts";
import { transportOf } from "./grpc-js.ts";

const keys = toolchains.map(({ key }) => key);
const usage = `Usage: npm run test:suite -- exercises -- [--without TOOLCHAINS] [--http2 own|node]

Lets HTTP/2 clients and proxies call the server, in clear text and over TLS, with each HTTP/2 of the server.

  --without KEYS  leaves out the clients of toolchains, separated by commas: ${keys.join(", ")}
  --http2 LAYER   tries one HTTP/2
  --help          shows this
`;

interface Trial {
  readonly client: ExercisedClient;
  readonly http2: Http2Layer;
  readonly over: "clear text" | "TLS";
}

try {
  const choices = readChoices(process.argv.slice(2), keys);
  if (choices === undefined) process.stdout.write(usage);
  else process.exitCode = (await exerciseAll(choices)) ? 0 : 1;
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = 2;
} finally {
  closeClients();
}

/** @returns whether all went well */
async function exerciseAll({ left, layers }: Choices): Promise<boolean> {
  const missing = await tellTools(toolchains, left);
  for (const { name, key } of missing) {
    console.log(`FAILED: what ${name} needs is missing; --without ${key} leaves it out`);
  }
  if (missing.length > 0) return summarize(0, missing.length);
  for (const { key, build } of toolchains) if (!left.has(key)) await build();

  const trials = clients
    .filter(({ key }) => key === undefined || !left.has(key))
    .flatMap((client) =>
      layers.flatMap((http2) => (["clear text", "TLS"] as const).map((over): Trial => ({ client, http2, over }))),
    );
  const certificates = createCertificates();
  try {
    let [passed, failed] = [0, 0];
    for (const trial of trials) {
      const results = await exercise(trial, certificates);
      const failures = results.filter(({ ok }) => !ok);
      passed += results.length - failures.length;
      failed += failures.length;
      const { client, http2, over } = trial;
      const told = `${client.name} over ${over}, --http2 ${http2}`;
      console.log(`${failures.length === 0 ? "ok" : "FAILED"}: ${told}: ${results.length - failures.length} steps`);
      for (const { step, why } of failures) console.log(`${step}: ${why}`);
    }
    return summarize(passed, failed);
  } finally {
    certificates.remove();
  }
}

/** @returns whether all went well */
function summarize(passed: number, failed: number): boolean {
  console.log(`\n${passed} passed, ${failed} failed`);
  return failed === 0;
}

/** Against a server of its own. */
async function exercise(
  { client, http2, over }: Trial,
  { ca, cert, key }: Certificates,
): Promise<readonly StepResult[]> {
  const directory = mkdtempSync(join(tmpdir(), "rollcall-exercise-"));
  const tls = over === "TLS" ? ["--tls-cert", cert, "--tls-key", key] : [];
  const store = `sqlite:${join(directory, "users.db")}`;
  const server = await serve(store, ["--http2", http2, ...tls]);
  try {
    const authorities = over === "TLS" ? ca : undefined;
    await switchIndexes(store, "email:fold", { transport: transportOf(server.url, authorities) });
    const results = await client.run(server.url, authorities);
    return results.length > 0 ? results : [{ step: "all", ok: false, why: "the client took no step" }];
  } catch (error) {
    return [{ step: "all", ok: false, why: messageOf(error) }];
  } finally {
    await server.stop();
    rmSync(directory, { recursive: true });
  }
}
