/**
 * gRPC's interop cases, tried by grpc-go's client, against the server's own listener: `npm run test:interop`. Fails if one of
 * them does.
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { pino } from "pino";
import { createCertificates } from "../../support/certificates.ts";
import { host, mount } from "../mount.ts";
import { interopMethods, interopRoutes } from "./service.ts";

const client = join(import.meta.dirname, "..", "..", "..", ".tools", "conformance", "client");
const caseTimeoutMs = 30_000;

/** All that ask for no credentials of a cloud's, and for nothing of a load balancer's. */
const cases = [
  "empty_unary",
  "large_unary",
  "client_streaming",
  "server_streaming",
  "ping_pong",
  "empty_stream",
  "timeout_on_sleeping_server",
  "cancel_after_begin",
  "cancel_after_first_response",
  "custom_metadata",
  "status_code_and_message",
  "special_status_message",
  "unimplemented_method",
  "unimplemented_service",
] as const;

const certificates = createCertificates();
const { ca, cert, key } = certificates;
let failed = 0;
try {
  await tryAll("clear text", {}, []);
  await tryAll("TLS", { tlsCert: cert, tlsKey: key }, ["-use_tls", "-use_test_ca", `-ca_file=${ca}`]);
} finally {
  certificates.remove();
}
console.log(`\n${2 * cases.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

async function tryAll(over: string, access: { tlsCert?: string; tlsKey?: string }, flags: string[]): Promise<void> {
  const logger = pino({ level: "warn" }, process.stderr);
  const listener = await mount({ routes: interopRoutes, methods: interopMethods(), access, logger });
  try {
    for (const name of cases) {
      const server = [`-server_host=${host}`, `-server_port=${listener.port}`];
      const failure = await promisify(execFile)(client, [...server, ...flags, `-test_case=${name}`], {
        timeout: caseTimeoutMs,
      }).then(() => undefined, String);
      console.log(`${failure === undefined ? "ok" : "FAILED"}: ${name} over ${over}`);
      if (failure === undefined) continue;
      failed++;
      console.log(failure);
    }
  } finally {
    await listener.drain();
  }
}
