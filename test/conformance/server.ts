/**
 * A server of ConformanceService for the suite's runner, which starts it as a process for each way that a server is reached,
 * and says on standard input which, and how large a message may be. Its argument names the HTTP/2 that serves.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { pino } from "pino";
import type { AccessSettings } from "../../src/server/access.ts";
import { limits } from "../../src/users/limits.ts";
import { readHttp2Layers } from "../support/http2-layers.ts";
import {
  type ServerCompatRequest,
  ServerCompatRequestSchema,
  ServerCompatResponseSchema,
} from "./gen/connectrpc/conformance/v1/server_compat_pb.js";
import { grpcConformanceMethods } from "./grpc-methods.ts";
import { callOf } from "./metadata.ts";
import { host, mount } from "./mount.ts";
import { conformanceRoutes } from "./routes.ts";

const sizeBytes = 4;
const [http2 = "node"] = readHttp2Layers(process.argv[2] ?? "");

const asked = fromBinary(ServerCompatRequestSchema, readFileSync(process.stdin.fd).subarray(sizeBytes));
Object.assign(limits, { maxRequestBytes: asked.messageReceiveLimit });

const directory = mkdtempSync(join(tmpdir(), "rollcall-conformance-"));
process.once("exit", () => rmSync(directory, { recursive: true }));

const listener = await mount({
  routes: conformanceRoutes,
  methods: grpcConformanceMethods(callOf),
  access: accessOf(asked),
  http2,
  logger: pino({ level: "warn" }, process.stderr),
});
process.once("SIGTERM", async () => {
  await listener.drain();
  process.exit();
});

const pemCert = asked.serverCreds?.cert ?? new Uint8Array();
const answer = toBinary(
  ServerCompatResponseSchema,
  create(ServerCompatResponseSchema, { host, port: listener.port, pemCert }),
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
