/**
 * A server of ConformanceService for the suite's runner, which starts it as a process for each way that a server is reached,
 * and says on standard input which. The service is mounted as UserService is in src/server/server.ts: on the same listener,
 * with the same two ways in for gRPC, and the same limits, but that a message may be as large as the runner says.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { pino } from "pino";
import { defaultServerLimits } from "../../src/config/server-limits.ts";
import { Admission } from "../../src/rpc/admission.ts";
import { createGate } from "../../src/rpc/gate.ts";
import { createGrpcHandler } from "../../src/rpc/grpc/grpc-handler.ts";
import { HeldBytes } from "../../src/rpc/held-bytes.ts";
import { createNodeHandler } from "../../src/rpc/node-handler.ts";
import { OldestOut } from "../../src/rpc/oldest-out.ts";
import { OpenRequests } from "../../src/rpc/open-requests.ts";
import { type AccessSettings, openAccess } from "../../src/server/access.ts";
import { createFailureLog } from "../../src/telemetry/failure-log.ts";
import { observeRequests } from "../../src/telemetry/requests.ts";
import { endForHarm } from "../../src/transport/http2-guard.ts";
import { listen } from "../../src/transport/listener.ts";
import { limits } from "../../src/users/limits.ts";
import {
  type ServerCompatRequest,
  ServerCompatRequestSchema,
  ServerCompatResponseSchema,
} from "./gen/connectrpc/conformance/v1/server_compat_pb.js";
import { grpcConformanceMethods } from "./grpc-methods.ts";
import { callOf, sendingMetadata, withMetadata } from "./metadata.ts";
import { conformanceRoutes } from "./routes.ts";

const sizeBytes = 4;
const host = "127.0.0.1";

const asked = fromBinary(ServerCompatRequestSchema, readFileSync(process.stdin.fd).subarray(sizeBytes));
Object.assign(limits, { maxRequestBytes: asked.messageReceiveLimit });

const directory = mkdtempSync(join(tmpdir(), "rollcall-conformance-"));
process.once("exit", () => rmSync(directory, { recursive: true }));

const logger = pino({ level: "warn" }, process.stderr);
const access = await openAccess({ host, port: 0 }, accessOf(asked), logger);
const report = createFailureLog(logger);
const held = new HeldBytes(defaultServerLimits.maxHeldBytes);
const arriving = new OldestOut(defaultServerLimits.maxArriving);
const { signal: shutdown } = new AbortController();
const gate = createGate({
  authenticator: access.authenticator,
  admission: new Admission(defaultServerLimits),
  reflectionIsOpen: true,
});
const observe = withMetadata(observeRequests({ logger, accessLogShare: 0 }));
const streamHandler = createGrpcHandler({
  methods: grpcConformanceMethods(callOf),
  gate,
  held,
  arriving,
  stallTimeoutMs: defaultServerLimits.stallTimeoutMs,
  shutdown,
  observe,
  report,
});
const handler = createNodeHandler({
  binaryRoutes: [conformanceRoutes],
  jsonRoutes: [conformanceRoutes],
  gate,
  held,
  arriving,
  openRequests: new OpenRequests(defaultServerLimits.maxOpenRequests, endForHarm),
  shutdown,
  observe,
  report,
  onBrokenAnswer: () => {},
});
const listener = await listen({
  host,
  port: 0,
  handler,
  streamHandler: sendingMetadata(streamHandler),
  tls: access.tls,
  limits: defaultServerLimits,
  onTurnedAway: (reason) => logger.warn({ reason }, "a connection was turned away"),
});

process.once("SIGTERM", () => {
  listener.destroy();
  process.exit();
});
const answer = toBinary(
  ServerCompatResponseSchema,
  create(ServerCompatResponseSchema, {
    host,
    port: listener.port,
    pemCert: asked.serverCreds?.cert ?? new Uint8Array(),
  }),
);
const size = Buffer.alloc(sizeBytes);
size.writeUInt32BE(answer.length);
process.stdout.write(Buffer.concat([size, answer]));

/** The runner's certificates, as the files that an operator would name. */
function accessOf({ useTls, serverCreds, clientTlsCert }: ServerCompatRequest): AccessSettings {
  if (!useTls) return {};
  if (serverCreds === undefined) throw new Error("the runner asks for TLS, and brings no certificate");
  const file = (name: string, content: Uint8Array) => {
    const path = join(directory, name);
    writeFileSync(path, content);
    return path;
  };
  return {
    tlsCert: file("server.pem", serverCreds.cert),
    tlsKey: file("server.key", serverCreds.key),
    ...(clientTlsCert.length > 0 && { tlsClientCa: file("client-ca.pem", clientTlsCert) }),
  };
}
