import { createHash, generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportJWK, SignJWT } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Authenticator, createAuthenticator } from "../../src/credentials/authenticator.ts";
import { until } from "../support/until.ts";

const issuer = "https://id.example.com/";
const audience = "rollcall";
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
let directory: string;
let file: string;
const reloads: unknown[] = [];
const jwtKeys = keyPair("first");
const otherKeys = keyPair("second");

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "rollcall-credentials-"));
  file = join(directory, "credentials.json");
});
afterAll(() => rmSync(directory, { recursive: true }));

function keyPair(kid: string) {
  return { kid, ...generateKeyPairSync("ec", { namedCurve: "P-256" }) };
}

function write(content: unknown) {
  // Replaces the whole file, as deployments do.
  writeFileSync(`${file}.new`, typeof content === "string" ? content : JSON.stringify(content));
  renameSync(`${file}.new`, file);
}

const token = (name: string, text: string, scopes = ["users.read"]) => ({ name, sha256: sha256(text), scopes });

async function open(jwks?: string): Promise<Authenticator> {
  return createAuthenticator({
    file,
    certificatesAreVerified: true,
    jwt: jwks === undefined ? undefined : { jwks, issuer, audience, scopeClaim: "scope" },
    onError: (error) => reloads.push(error),
    onReload: () => reloads.push("read again"),
    onNobody: () => reloads.push("nobody"),
  });
}

const bearer = (text: string) => ({ authorization: `Bearer ${text}`, certificateNames: undefined });

async function jwks(...keys: { kid: string; publicKey: KeyObject }[]): Promise<string> {
  const all = keys.map(async ({ kid, publicKey }) => ({ ...(await exportJWK(publicKey)), kid, alg: "ES256" }));
  return JSON.stringify({ keys: await Promise.all(all) });
}

function jwt(
  claims: Record<string, unknown> = {},
  { kid, privateKey }: { kid: string; privateKey: KeyObject } = jwtKeys,
): Promise<string> {
  return new SignJWT({ sub: "billing", scope: "openid users.read users.write", ...claims })
    .setProtectedHeader({ alg: "ES256", kid })
    .setIssuer(String(claims["iss"] ?? issuer))
    .setAudience(String(claims["aud"] ?? audience))
    .setExpirationTime((claims["exp"] as number | undefined) ?? "5m")
    .sign(privateKey);
}

test("a token is recognised by its digest, at any place in the list", async () => {
  write({ tokens: [token("a", "token-a"), token("b", "token-b", ["users.read", "users.write"])] });
  const authenticator = await open();
  expect(authenticator.authenticate(bearer("token-a"))).toMatchObject({ name: "a" });
  expect(authenticator.authenticate({ authorization: "bearer  token-b", certificateNames: undefined })).toMatchObject({
    name: "b",
    scopes: new Set(["users.read", "users.write"]),
  });
  await expect(authenticator.authenticate(bearer("token-c"))).rejects.toMatchObject({ reason: "CREDENTIALS_INVALID" });
  for (const authorization of [undefined, "", "Basic abc", "Bearer", "Bearer a b", "token-a"]) {
    expect(() => authenticator.authenticate({ authorization, certificateNames: undefined })).toThrow(
      expect.objectContaining({ reason: "CREDENTIALS_INVALID" }),
    );
  }
  authenticator.close();
});

test("a certificate is recognised by its URI or its DNS name", async () => {
  const uri = "spiffe://example.org/billing";
  write({
    certificates: [
      { name: "billing", uri, scopes: ["users.write"] },
      { name: "web", dns: "web.internal", scopes: ["users.read"] },
    ],
  });
  const authenticator = await open();
  const shown = (uris: string[], dns: string[], expiresAt = Date.now() + 60_000) =>
    authenticator.authenticate({ authorization: undefined, certificateNames: { uris, dns, expiresAt } });
  expect(shown(["other", uri], [])).toMatchObject({ name: "billing" });
  expect(shown([], ["web.internal"])).toMatchObject({ name: "web" });
  expect(() => shown(["web.internal"], [uri])).toThrow("does not accept the client certificate");
  expect(() => shown([uri], [], Date.now() - 1)).toThrow("the client certificate has expired");
  authenticator.close();
});

test("a changed file is read again, and an unusable one leaves the previous entries in use", async () => {
  write({ tokens: [token("a", "token-a")] });
  const authenticator = await open();
  reloads.length = 0;
  write({ tokens: [token("b", "token-b")] });
  await until(() => reloads.length > 0);
  expect(authenticator.authenticate(bearer("token-b"))).toMatchObject({ name: "b" });
  await expect(authenticator.authenticate(bearer("token-a"))).rejects.toMatchObject({ reason: "CREDENTIALS_INVALID" });
  write("{");
  await until(() => reloads.length > 1);
  expect(reloads).toEqual([
    "read again",
    expect.objectContaining({ message: expect.stringContaining(`${file}: is not JSON; expected`) }),
  ]);
  expect(authenticator.authenticate(bearer("token-b"))).toMatchObject({ name: "b" });
  authenticator.close();
});

test("a missing file is named", async () => {
  const missing = createAuthenticator({
    file: join(directory, "none"),
    certificatesAreVerified: false,
    jwt: undefined,
    onError() {},
    onReload() {},
    onNobody() {},
  });
  await expect(missing).rejects.toThrow(join(directory, "none"));
});

test("a JSON Web Token needs the right issuer, audience, time and signature", async () => {
  write({});
  const keys = join(directory, "jwks.json");
  writeFileSync(keys, await jwks(jwtKeys));
  const authenticator = await open(keys);
  const good = await jwt();
  const caller = { name: "jwt:billing", scopes: new Set(["users.read", "users.write"]) };
  expect(await authenticator.authenticate(bearer(good))).toEqual(caller);
  expect(authenticator.authenticate(bearer(good))).toEqual(caller);
  expect(await authenticator.authenticate(bearer(await jwt({ scope: ["users.delete"] })))).toMatchObject({
    scopes: new Set(["users.delete"]),
  });
  const now = Math.floor(Date.now() / 1_000);
  const [header, payload] = good.split(".");
  const unsigned = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${payload}.`;
  for (const bad of [
    await jwt({ iss: "https://other.example.com/" }),
    await jwt({ aud: "another" }),
    await jwt({ exp: now - 60 }),
    await jwt({}, { kid: "first", privateKey: otherKeys.privateKey }),
    await jwt({}, otherKeys),
    `${header}.${payload}.AAAA`,
    unsigned,
    `${header}.${payload}.`,
    "no.jwt.at-all",
  ]) {
    const refused = Promise.resolve().then(() => authenticator.authenticate(bearer(bad)));
    await expect(refused).rejects.toMatchObject({ reason: "CREDENTIALS_INVALID" });
  }
  authenticator.close();
});

test("a file without entries is refused, and a change to one is not used", async () => {
  for (const content of [{}, { tokens: [] }, { tokens: [], certificates: [] }]) {
    write(content);
    await expect(open()).rejects.toThrow(`${file}: lists nobody, so nobody could call`);
  }
  write({ tokens: [token("a", "token-a")] });
  const authenticator = await open();
  reloads.length = 0;
  write({});
  await until(() => reloads.length > 0);
  expect(reloads).toEqual([new Error(`${file}: lists nobody, so nobody could call; rollcall token makes an entry`)]);
  expect(authenticator.authenticate(bearer("token-a"))).toMatchObject({ name: "a" });
  authenticator.close();
});

test("with JSON Web Tokens, a file without entries is used, with a warning", async () => {
  const keys = join(directory, "beside.json");
  writeFileSync(keys, await jwks(jwtKeys));
  write({});
  reloads.length = 0;
  const authenticator = await open(keys);
  expect(reloads).toEqual(["nobody"]);
  await expect(authenticator.authenticate(bearer(await jwt()))).resolves.toMatchObject({ name: "jwt:billing" });
  authenticator.close();
});
