/** Streams whose callers may not go on: what they were answered stands, and they end with the reason, on every way in. */
import { createHash, generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import {
  compressionGzip,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { exportJWK, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ErrorInfoSchema } from "#gen/google/rpc/error_details_pb.js";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { ServerReflection } from "#gen-server/grpc/reflection/v1/reflection_pb.js";
import { Health } from "#gen-server/health/v1/health_pb.js";
import { type Certificates, createCertificates } from "../support/certificates.ts";
import { type CallEncoding, encodedCall, rawCall } from "../support/raw-calls.ts";
import { ada, startTestServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";

const issuer = "https://id.example.com/";
const audience = "rollcall";
const kid = "k";
/** How far past its `exp` a token is tolerated, in seconds. */
const tolerance = 30;
const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
const billing = "spiffe://example.org/billing";
const [kept, removed, narrowed, late] = ["token-kept", "token-removed", "token-narrowed", "token-late"];
/** What the callers whom the tests revoke may do, by their tokens and their certificate; nothing of whom nobody knows. */
const granted = new Map([removed, narrowed, late, billing].map((caller) => [caller, ["users.write"]]));

let directory: string;
let certificates: Certificates;
let clientCertificate: { readonly cert: string; readonly key: string };
let server: TestServer;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "rollcall-revoked-"));
  certificates = createCertificates();
  clientCertificate = certificates.sign("billing", `URI:${billing}`);
  write("jwks.json", { keys: [{ ...(await exportJWK(keys.publicKey)), kid, alg: "ES256" }] });
  writeCredentials();
  server = await startTestServer({
    limits: { recheckMs: 50 },
    access: {
      tlsCert: certificates.cert,
      tlsKey: certificates.key,
      tlsClientCa: certificates.ca,
      tlsClientCerts: "request",
      credentials: join(directory, "credentials.json"),
      jwtJwks: join(directory, "jwks.json"),
      jwtIssuer: issuer,
      jwtAudience: audience,
      reflection: "credentials",
    },
  });
});
afterAll(async () => {
  await server.stop();
  certificates.remove();
  rmSync(directory, { recursive: true });
});

function write(name: string, content: unknown) {
  const path = join(directory, name);
  writeFileSync(`${path}.new`, JSON.stringify(content));
  renameSync(`${path}.new`, path);
}

function writeCredentials() {
  const sha256 = (token: string) => createHash("sha256").update(token).digest("hex");
  const tokens = [removed, narrowed, late].flatMap((token) => {
    const scopes = granted.get(token);
    return scopes === undefined ? [] : [{ name: token, sha256: sha256(token), scopes }];
  });
  const scopes = granted.get(billing);
  write("credentials.json", {
    tokens: [{ name: "kept", sha256: sha256(kept), scopes: ["users.read", "users.write"] }, ...tokens],
    certificates: scopes === undefined ? [] : [{ name: "billing", uri: billing, scopes }],
  });
}

/** @returns what takes it all from a caller, or leaves these scopes */
const leaving = (caller: string, scopes?: string[]) => () => {
  if (scopes === undefined) granted.delete(caller);
  else granted.set(caller, scopes);
  writeCredentials();
};

interface TransportOptions {
  readonly baseUrl: string;
  readonly interceptors: Interceptor[];
  readonly nodeOptions: object;
}
const protocols: Record<string, (options: TransportOptions) => Transport> = {
  gRPC: (options) => createGrpcTransport(options),
  "gRPC, gzip": (options) => createGrpcTransport({ ...options, sendCompression: compressionGzip, compressMinBytes: 0 }),
  "gRPC-Web": (options) => createGrpcWebTransport({ ...options, httpVersion: "2" }),
  Connect: (options) => createConnectTransport({ ...options, httpVersion: "2" }),
  "Connect JSON": (options) => createConnectTransport({ ...options, httpVersion: "2", useBinaryFormat: false }),
};

/** @param token shown as a bearer token; without it, the certificate */
function open(protocol: (options: TransportOptions) => Transport, token?: string): Transport {
  const bearer: Interceptor = (next) => (request) => {
    if (token !== undefined) request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
  const { cert, key } = clientCertificate;
  return protocol({
    baseUrl: server.url,
    interceptors: [bearer],
    nodeOptions: {
      ca: readFileSync(certificates.ca),
      ...(token === undefined && { cert: readFileSync(cert), key: readFileSync(key) }),
    },
  });
}

/** A stream that asks as often as it is told to, and what it has come to. */
interface Stream {
  readonly name: string;
  answers: number;
  end: { readonly code: string | undefined; readonly reason: string | undefined; readonly message: string } | undefined;
  askAgain(): void;
}

function follow<Request>(
  name: string,
  request: (at: number) => Request,
  call: (requests: AsyncIterable<Request>) => AsyncIterable<unknown>,
): Stream {
  let again = Promise.withResolvers<void>();
  const stream: Stream = { name, answers: 0, end: undefined, askAgain: () => again.resolve() };
  async function* requests() {
    for (let at = 0; ; at++) {
      yield request(at);
      await again.promise;
      again = Promise.withResolvers();
    }
  }
  const read = async () => {
    for await (const _ of call(requests())) stream.answers++;
  };
  read().catch((failure: unknown) => {
    const error = ConnectError.from(failure);
    const [info] = error.findDetails(ErrorInfoSchema);
    stream.end = { code: Code[error.code], reason: info?.reason, message: error.rawMessage };
  });
  return stream;
}

const importing = (name: string, transport: Transport) =>
  follow(
    name,
    (at) => ({ requests: [{ id: `${name} ${at}`, properties: ada }] }),
    (requests) => createClient(UserService, transport).batchIdentify(requests),
  );
const reflecting = (name: string, transport: Transport) =>
  follow(
    name,
    () => ({ messageRequest: { case: "listServices" as const, value: "" } }),
    (requests) => createClient(ServerReflection, transport).serverReflectionInfo(requests),
  );

/** Lets them all be answered, then sees them end once the caller may not go on: idle ones, and those that go on asking. */
async function expectToEnd(streams: Stream[], revoke: () => void, end: Stream["end"]): Promise<void> {
  await until(() => streams.every(({ answers }) => answers > 0));
  for (const stream of streams) expect({ [stream.name]: stream.end }).toEqual({ [stream.name]: undefined });
  revoke();
  await until(() => {
    for (const stream of streams) if (stream.name.startsWith("busy")) stream.askAgain();
    return streams.every((stream) => stream.end !== undefined);
  });
  const ends = streams.map((stream) => [stream.name, stream.end]);
  expect(Object.fromEntries(ends)).toEqual(Object.fromEntries(streams.map(({ name }) => [name, end])));
  // Whatever was answered stands, and nothing more was done.
  const users = createClient(
    UserService,
    open((options) => createGrpcTransport(options), kept),
  );
  for (const { name, answers } of streams.filter(({ name }) => !name.includes("reflection"))) {
    const asked = Array.from({ length: answers + 1 }, (_, at) => `${name} ${at}`);
    const { users: found } = await users.batchGetUsers({ ids: asked.slice(-1_000) });
    expect(found.map(({ id }) => id)).toEqual(asked.slice(-1_000).slice(0, -1));
  }
}

const no = "the stream's credentials no longer hold: ";
const unauthenticated = (why: string): Stream["end"] => ({
  code: "Unauthenticated",
  reason: "CREDENTIALS_INVALID",
  message: no + why,
});

let tests = 0;
/** Imports and, where asked for, other streams, over each protocol. Those of one test have names of their own. */
function streamsWith(token: string | undefined, also: (name: string, transport: Transport) => Stream[] = () => []) {
  tests++;
  return Object.entries(protocols).flatMap(([protocolName, protocol]) => {
    const name = `${protocolName} ${tests}`;
    const transport = open(protocol, token);
    return [importing(`idle ${name}`, transport), importing(`busy ${name}`, transport), ...also(name, transport)];
  });
}
const { identify } = UserService.method;
const slowly: readonly (readonly [string, CallEncoding])[] = [
  ["gRPC", { protocol: "grpc", encoding: "binary", isCompressed: false }],
  ["gRPC, gzip", { protocol: "grpc", encoding: "binary", isCompressed: true }],
  ["gRPC-Web", { protocol: "grpc-web", encoding: "binary", isCompressed: false }],
  ["Connect JSON", { protocol: "connect", encoding: "json", isCompressed: false }],
];

const andReflection = (name: string, transport: Transport) => [reflecting(`idle reflection ${name}`, transport)];

describe("from the file of credentials", () => {
  test("a token that is removed ends its streams, and health's go on", async () => {
    const over = new AbortController();
    const watching = createClient(
      Health,
      open((options) => createGrpcTransport(options), removed),
    );
    const statuses = watching.watch({}, { signal: over.signal })[Symbol.asyncIterator]();
    expect(await statuses.next()).toMatchObject({ done: false });
    const staying = importing(
      "staying",
      open((options) => createGrpcTransport(options), kept),
    );
    await until(() => staying.answers === 1);
    const ends = unauthenticated("the server does not accept the token");
    await expectToEnd(streamsWith(removed, andReflection), leaving(removed), ends);
    staying.askAgain();
    await until(() => staying.answers === 2);
    let isOver = false;
    const next = statuses.next().catch(() => undefined);
    next.then(() => {
      isOver = true;
    });
    await new Promise(setImmediate);
    expect(isOver).toBe(false);
    over.abort();
    await next;
  });

  test("a token that may not write any more ends its imports with PERMISSION_DENIED", async () => {
    await expectToEnd(streamsWith(narrowed), leaving(narrowed, ["users.read"]), {
      code: "PermissionDenied",
      reason: "SCOPE_MISSING",
      message: `${no}the caller lacks the scope users.write`,
    });
  });

  test("a call whose request comes slowly is refused once its token has been removed", async () => {
    const session = connect(server.url, { ca: readFileSync(certificates.ca) });
    const revoked = Promise.withResolvers<void>();
    const slow = slowly.map(([name, how]) => {
      const request = create(identify.input, { id: `late ${name}`, properties: ada });
      const bytes =
        how.encoding === "json"
          ? Buffer.from(toJsonString(identify.input, request))
          : toBinary(identify.input, request);
      const call = encodedCall(identify, bytes, how);
      const headers = { ...call.headers, authorization: `Bearer ${late}` };
      return rawCall(session, { ...call, headers }, () => revoked.promise);
    });
    const inFlight = 'rollcall_calls_in_flight{rpc_method="rollcall.v1.UserService/Identify"}';
    await until(async () => (await server.metric(inFlight)) === slowly.length);
    // It begins after them, and ends when its credentials have been checked again.
    const following = importing(
      "following",
      open((options) => createGrpcTransport(options), late),
    );
    await until(() => following.answers > 0);
    leaving(late)();
    await until(() => following.end !== undefined);
    revoked.resolve();
    const message = "the call's credentials no longer hold: the server does not accept the token";
    for (const answer of await Promise.all(slow)) expect(answer).toMatchObject({ outcome: "unauthenticated", message });
    const users = createClient(
      UserService,
      open((options) => createGrpcTransport(options), kept),
    );
    const ids = slowly.map(([name]) => `late ${name}`);
    expect(await users.batchGetUsers({ ids })).toMatchObject({ users: [], missingIds: ids });
    session.destroy();
  });

  test("a certificate that is removed ends its streams", async () => {
    const ends = unauthenticated("the server does not accept the client certificate");
    await expectToEnd(streamsWith(undefined, andReflection), leaving(billing), ends);
  });
});

test("a JSON Web Token that expires ends its streams", async () => {
  // Soon, and after the streams have begun.
  const exp = Math.floor(Date.now() / 1_000) - tolerance + 6;
  const jwt = await new SignJWT({ sub: "web", scope: "users.write" })
    .setProtectedHeader({ alg: "ES256", kid })
    .setIssuer(issuer)
    .setAudience(audience)
    .setExpirationTime(exp)
    .sign(keys.privateKey);
  await expectToEnd(streamsWith(jwt, andReflection), () => {}, unauthenticated("the token has expired"));
});
