/** Who may call what: every way to say who one is, every method, every protocol, on both of the server's paths. */
import { createHash, generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Code, ConnectError, createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import {
  compressionGzip,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { exportJWK, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { ServerReflection } from "#gen-server/grpc/reflection/v1/reflection_pb.js";
import { Health } from "#gen-server/health/v1/health_pb.js";
import { type Scope, scopes } from "../../src/credentials/principal.ts";
import { type Certificates, createCertificates } from "../support/certificates.ts";
import { enveloped } from "../support/grpc-streams.ts";
import { describeError } from "../support/rpc-errors.ts";
import { ada, startTestServer, type TestServer } from "../support/server.ts";

const issuer = "https://id.example.com/";
const audience = "rollcall";
const kid = "k";
const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
const billing = "spiffe://example.org/billing";

let directory: string;
let certificates: Certificates;
let server: TestServer;
let jwt: string;
let getterJwt: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "rollcall-credentials-"));
  certificates = createCertificates();
  const signed = (scope: string) =>
    new SignJWT({ sub: "web", scope })
      .setProtectedHeader({ alg: "ES256", kid })
      .setIssuer(issuer)
      .setAudience(audience)
      .setExpirationTime("10m")
      .sign(keys.privateKey);
  jwt = await signed("users.read users.write");
  getterJwt = await signed("users.get");
  server = await startTestServer({
    access: {
      tlsCert: certificates.cert,
      tlsKey: certificates.key,
      tlsClientCa: certificates.ca,
      tlsClientCerts: "request",
      credentials: file("credentials.json", {
        tokens: tokens(),
        certificates: [{ name: "billing", uri: billing, scopes: ["users.read", "users.delete"] }],
      }),
      jwtJwks: file("jwks.json", { keys: [{ ...(await exportJWK(keys.publicKey)), kid, alg: "ES256" }] }),
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

function file(name: string, content: unknown): string {
  writeFileSync(join(directory, name), JSON.stringify(content));
  return join(directory, name);
}

/** As the credentials file lists them: one for each scope. */
function tokens() {
  return scopes.map((scope) => ({ name: scope, sha256: sha256(`token ${scope}`), scopes: [scope] }));
}

function sha256(text: string): string {
  return createHash("sha256").update(text.replaceAll(" ", "-")).digest("hex");
}

interface Way {
  readonly name: string;
  readonly authorization?: () => string;
  /** The names in a certificate, if one is shown. */
  readonly certificate?: readonly string[];
  /** What the caller may do; undefined where the server does not know the caller. */
  readonly scopes: readonly Scope[] | undefined;
}

const bearer = (token: string) => `Bearer ${token.replaceAll(" ", "-")}`;
const ways: readonly Way[] = [
  { name: "nothing", scopes: undefined },
  { name: "a token that is not known", authorization: () => bearer("token other"), scopes: undefined },
  { name: "another scheme", authorization: () => "Basic dXNlcjpwYXNz", scopes: undefined },
  ...scopes.map((scope) => ({
    name: `a token for ${scope}`,
    authorization: () => bearer(`token ${scope}`),
    scopes: [scope],
  })),
  { name: "a JSON Web Token", authorization: () => `Bearer ${jwt}`, scopes: ["users.read", "users.write"] },
  { name: "a JSON Web Token for users.get", authorization: () => `Bearer ${getterJwt}`, scopes: ["users.get"] },
  { name: "another's JSON Web Token", authorization: () => `Bearer ${jwt.slice(0, -8)}AAAAAAAA`, scopes: undefined },
  { name: "a certificate", certificate: [`URI:${billing}`], scopes: ["users.read", "users.delete"] },
  { name: "a certificate that is not listed", certificate: ["URI:spiffe://example.org/other"], scopes: undefined },
  {
    name: "a token and a certificate: the token counts",
    authorization: () => bearer("token users.write"),
    certificate: [`URI:${billing}`],
    scopes: ["users.write"],
  },
];

interface TransportOptions {
  readonly baseUrl: string;
  readonly interceptors: Interceptor[];
  readonly nodeOptions: object;
}
const protocols: readonly [string, "1.1" | "2", (options: TransportOptions) => Transport][] = [
  ["gRPC", "2", (options) => createGrpcTransport(options)],
  [
    "gRPC, compressed",
    "2",
    (options) => createGrpcTransport({ ...options, sendCompression: compressionGzip, compressMinBytes: 0 }),
  ],
  ["gRPC-Web, HTTP/1.1", "1.1", (options) => createGrpcWebTransport({ ...options, httpVersion: "1.1" })],
  ["gRPC-Web, HTTP/2", "2", (options) => createGrpcWebTransport({ ...options, httpVersion: "2" })],
  ["Connect, HTTP/1.1", "1.1", (options) => createConnectTransport({ ...options, httpVersion: "1.1" })],
  ["Connect, HTTP/2", "2", (options) => createConnectTransport({ ...options, httpVersion: "2" })],
  ["Connect by GET", "1.1", (options) => createConnectTransport({ ...options, httpVersion: "1.1", useHttpGet: true })],
  [
    "Connect JSON, HTTP/2",
    "2",
    (options) => createConnectTransport({ ...options, httpVersion: "2", useBinaryFormat: false }),
  ],
];

function open([, , create]: (typeof protocols)[number], { authorization, certificate }: Way): Transport {
  const interceptor: Interceptor = (next) => (request) => {
    if (authorization !== undefined) request.header.set("authorization", authorization());
    return next(request);
  };
  const shown = certificate && certificates.sign(sha256(certificate.join()).slice(0, 8), ...certificate);
  return create({
    baseUrl: server.url,
    interceptors: [interceptor],
    nodeOptions: {
      ca: readFileSync(certificates.ca),
      ...(shown && { cert: readFileSync(shown.cert), key: readFileSync(shown.key) }),
    },
  });
}

type Users = ReturnType<typeof users>;
const users = (transport: Transport) => createClient(UserService, transport);
const id = "u";
const match = { property: "plan", condition: { case: "present" as const, value: true } };
/** Only a caller that may search learns that. */
const unlessNotIndexed = (call: Promise<unknown>) =>
  call.catch((error) => {
    if (describeError(error).reason !== "PROPERTY_NOT_INDEXED") throw error;
  });
/** Any of the scopes will do, and any caller where there are none. The first is the one that others are told to lack. */
const methods: Record<string, { scopes: readonly Scope[]; call: (client: Users) => Promise<unknown> }> = {
  Identify: { scopes: ["users.write"], call: (client) => client.identify({ id, properties: ada }) },
  SetPreferences: { scopes: ["users.write"], call: (client) => client.setPreferences({ id, preferences: {} }) },
  GetUser: { scopes: ["users.get", "users.read"], call: (client) => client.getUser({ id }) },
  BatchGetUsers: { scopes: ["users.get", "users.read"], call: (client) => client.batchGetUsers({ ids: [id] }) },
  ListUsers: { scopes: ["users.read"], call: (client) => client.listUsers({}) },
  FindUsers: { scopes: ["users.read"], call: (client) => unlessNotIndexed(client.findUsers({ match })) },
  CountUsers: { scopes: ["users.read"], call: (client) => unlessNotIndexed(client.countUsers({ match })) },
  ScanUsers: { scopes: ["users.read"], call: (client) => client.scanUsers({}) },
  BatchIdentify: {
    scopes: ["users.write"],
    async call(client) {
      async function* requests() {
        yield { requests: [{ id, properties: ada }] };
      }
      for await (const _ of client.batchIdentify(requests()));
    },
  },
  IdentifyUsers: {
    scopes: ["users.write"],
    call: (client) => client.identifyUsers({ requests: [{ id, properties: ada }] }),
  },
  DeleteUser: { scopes: ["users.delete"], call: (client) => client.deleteUser({ id: "nobody", allowMissing: true }) },
  GetRegistry: { scopes: [], call: (client) => client.getRegistry({}) },
};

const codeOf = (call: Promise<unknown>) =>
  call.then(
    () => "ok",
    (error: unknown) => Code[ConnectError.from(error).code],
  );
const refusalOf = (call: Promise<unknown>) =>
  call.then(
    () => "ok",
    (error: unknown) => {
      const { code, metadata } = describeError(error);
      return metadata["scope"] === undefined ? code : `${code}: ${metadata["scope"]}`;
    },
  );

test("every method is in the table", () => {
  expect(Object.keys(methods).sort()).toEqual(UserService.methods.map(({ name }) => name).sort());
});

describe.each(protocols)("through %s", (...protocol) => {
  test.each(ways)("$name", async (way) => {
    const [, httpVersion] = protocol;
    const writer = { name: "", authorization: () => bearer("token users.write"), scopes: undefined };
    await users(open(protocol, writer)).identify({ id, properties: ada });
    const client = users(open(protocol, way));
    const expected: Record<string, string> = {};
    const seen: Record<string, string | undefined> = {};
    for (const [name, { scopes, call }] of Object.entries(methods)) {
      if (name === "BatchIdentify" && httpVersion === "1.1") continue;
      const mayCall =
        scopes.length === 0 ? way.scopes !== undefined : scopes.some((scope) => way.scopes?.includes(scope));
      const refusal = way.scopes === undefined ? "Unauthenticated" : `PermissionDenied: ${scopes[0]}`;
      expected[name] = mayCall ? "ok" : refusal;
      seen[name] = await refusalOf(call(client));
    }
    expect(seen).toEqual(expected);
  });

  test("health is open to all, and reflection as configured", async () => {
    const [nobody, , , reader] = ways;
    if (nobody === undefined || reader === undefined) throw new Error("no such way");
    const health = createClient(Health, open(protocol, nobody));
    expect(await codeOf(health.check({}))).toBe("ok");
    expect(await codeOf(health.list({}))).toBe("ok");
    const watching = health.watch({})[Symbol.asyncIterator]();
    expect(await codeOf(watching.next())).toBe("ok");
    await watching.return?.();
    if (protocol[1] === "1.1") return;
    const reflect = async (way: Way) => {
      async function* requests() {
        yield { messageRequest: { case: "listServices" as const, value: "" } };
      }
      for await (const _ of createClient(ServerReflection, open(protocol, way)).serverReflectionInfo(requests()));
    };
    expect(await codeOf(reflect(nobody))).toBe("Unauthenticated");
    expect(await codeOf(reflect(reader))).toBe("ok");
  });
});

test("in clear text, tokens count likewise", async () => {
  const clear = await startTestServer({ access: { credentials: file("tokens.json", { tokens: tokens() }) } });
  onTestFinished(() => clear.stop());
  const straight = users(createGrpcTransport({ baseUrl: clear.url }));
  const json = users(createConnectTransport({ baseUrl: clear.url, httpVersion: "1.1", useBinaryFormat: false }));
  const seen = async (authorization: string | undefined) => {
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    const calls = [straight, json].flatMap((client) => [
      codeOf(client.getUser({ id: "nobody" }, { headers })),
      codeOf(client.getRegistry({}, { headers })),
    ]);
    return Promise.all(calls);
  };
  expect(await seen(undefined)).toEqual(Array(4).fill("Unauthenticated"));
  expect(await seen(bearer("token users.write"))).toEqual(["PermissionDenied", "ok", "PermissionDenied", "ok"]);
  expect(await seen(bearer("token users.read"))).toEqual(["NotFound", "ok", "NotFound", "ok"]);
});

test.each(["application/grpc", "application/json", "application/grpc-web+proto", "application/connect+proto"])(
  "a caller whom nobody knows is answered before it has sent a body: %s",
  async (type) => {
    const session = connect(server.url, { ca: readFileSync(certificates.ca) });
    const method = type === "application/connect+proto" ? "BatchIdentify" : "Identify";
    const path = `/rollcall.v1.UserService/${method}`;
    const stream = session.request({ ":method": "POST", ":path": path, "content-type": type, te: "trailers" });
    stream.on("error", () => {});
    const [headers] = await once(stream, "response");
    expect(headers[":status"]).toBe(type === "application/json" ? 401 : 200);
    stream.close();
    session.destroy();
  },
);

describe("a request with several authorization headers, or several tokens in one, is refused", () => {
  const good = "Bearer token-users.read";
  const several = [
    ["two that count", [good, good]],
    ["one that counts behind another", ["Bearer other", good]],
    ["one that counts before another", [good, "Bearer other"]],
    ["two tokens in one", [`${good}, ${good}`]],
  ] as const;
  let clear: TestServer;
  beforeAll(async () => {
    clear = await startTestServer({ access: { credentials: file("several.json", { tokens: tokens() }) } });
  });
  afterAll(() => clear.stop());

  /** An option of Node's that its types do not have. */
  const sendsSeveral: object = { strictSingleValueFields: false };
  const body = { grpc: enveloped(Buffer.from([10, 1, 117])), json: Buffer.from('{"id":"u"}') };
  const path = "/rollcall.v1.UserService/GetUser";
  test.each([
    ["gRPC", { "content-type": "application/grpc" }, body.grpc],
    ["gRPC, compressed", { "content-type": "application/grpc", "grpc-encoding": "gzip" }, body.grpc],
    ["gRPC-Web", { "content-type": "application/grpc-web+proto" }, body.grpc],
    ["Connect", { "content-type": "application/json" }, body.json],
  ])("%s over HTTP/2", async (_, headers, sent) => {
    const session = connect(clear.url, sendsSeveral);
    onTestFinished(() => session.destroy());
    const call = (authorizations: readonly string[]) => {
      const named = Object.entries({ ":method": "POST", ":path": path, te: "trailers", ...headers }).flat();
      const stream = session.request([...named, ...authorizations.flatMap((value) => ["authorization", value])]);
      return new Promise<string>((resolve, reject) => {
        let answer = "";
        const take = (fields: object) => {
          answer += Object.values(fields).join(" ");
        };
        stream
          .on("response", take)
          .on("trailers", take)
          .on("data", (piece) => {
            answer += piece;
          });
        stream.on("error", reject).on("close", () => resolve(decodeURIComponent(answer)));
        stream.end(sent);
      });
    };
    expect(await call([good])).toMatch(/no user with this id/);
    for (const [name, authorizations] of several) expect(await call(authorizations), name).toMatch(severalRefused);
  });

  test.each([
    ["gRPC-Web", "application/grpc-web+proto", body.grpc],
    ["Connect", "application/json", body.json],
  ])("%s over HTTP/1.1", async (_, type, sent) => {
    const call = (authorizations: readonly string[]) =>
      new Promise<string>((resolve, reject) => {
        const headers = ["host", "x", "content-type", type, "content-length", String(sent.length)];
        const all = [...headers, ...authorizations.flatMap((value) => ["Authorization", value])];
        const sending = request(`${clear.url}${path}`, { method: "POST", headers: all }, (response) => {
          let answer = response.rawHeaders.join(" ");
          response.on("data", (piece) => {
            answer += piece;
          });
          response.on("end", () => resolve(decodeURIComponent(answer)));
        });
        sending.on("error", reject).end(sent);
      });
    expect(await call([good])).toMatch(/no user with this id/);
    for (const [name, authorizations] of several) expect(await call(authorizations), name).toMatch(severalRefused);
  });

  const severalRefused = /several authorization headers: send one|is not `Bearer` and one token/;
});

test("a caller who may not is named in the metrics and the log, on both ways", async () => {
  const watched = await startTestServer({ access: { credentials: file("named.json", { tokens: tokens() }) } });
  onTestFinished(() => watched.stop());
  const headers = { authorization: bearer("token users.write") };
  const straight = users(createGrpcTransport({ baseUrl: watched.url }));
  const json = users(createConnectTransport({ baseUrl: watched.url, httpVersion: "1.1", useBinaryFormat: false }));
  for (const client of [straight, json]) {
    expect(await codeOf(client.getUser({ id: "nobody" }, { headers }))).toBe("PermissionDenied");
  }
  const lines = watched.logs.filter(({ reason }) => reason === "SCOPE_MISSING");
  expect(lines.map(({ protocol, caller }) => [protocol, caller])).toEqual([
    ["grpc", "users.write"],
    ["connect", "users.write"],
  ]);
  const counted = (await watched.metrics()).split("\n").filter((line) => line.includes('"SCOPE_MISSING"'));
  expect(counted).toHaveLength(2);
  for (const line of counted) expect(line).toContain('rollcall_caller="users.write"');
});
