/** JSON Web Tokens: which are accepted, how they name callers, and where keys come from. */
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportJWK, type JWTHeaderParameters, SignJWT } from "jose";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { createJwtVerifier, type JwtVerifier } from "../../src/credentials/jwt.ts";
import { until } from "../support/until.ts";

const issuer = "https://id.example.com/";
const audience = "rollcall";
const [first, second] = [keyPair("first"), keyPair("second")];
const errors: Error[] = [];
afterEach(() => {
  vi.useRealTimers();
  errors.length = 0;
});

function keyPair(kid: string) {
  return { kid, ...generateKeyPairSync("ec", { namedCurve: "P-256" }) };
}

async function setOf(...keys: (typeof first)[]): Promise<string> {
  const all = keys.map(async ({ kid, publicKey }) => ({ ...(await exportJWK(publicKey)), kid, alg: "ES256" }));
  return JSON.stringify({ keys: await Promise.all(all) });
}

function verifier(jwks: string): JwtVerifier {
  const opened = createJwtVerifier({
    jwks,
    issuer,
    audience,
    scopeClaim: "scope",
    onError: (error) => errors.push(error),
  });
  onTestFinished(() => opened.close());
  return opened;
}

function verifierOf(set: string): JwtVerifier {
  const directory = mkdtempSync(join(tmpdir(), "rollcall-jwt-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, "jwks.json"), set);
  return verifier(join(directory, "jwks.json"));
}

const inTwoHours = () => Math.floor(Date.now() / 1_000) + 7_200;

/** @param claims replace those of a good token; undefined removes one */
function token(
  claims: Record<string, unknown> = {},
  header: JWTHeaderParameters = { alg: "ES256", kid: "first" },
  key: Parameters<SignJWT["sign"]>[0] = first.privateKey,
): Promise<string> {
  const all = { iss: issuer, aud: audience, sub: "billing", exp: inTwoHours(), scope: "users.read", ...claims };
  return new SignJWT(all).setProtectedHeader(header).sign(key);
}

const refused = (message: RegExp) =>
  expect.objectContaining({ reason: "CREDENTIALS_INVALID", message: expect.stringMatching(message) });

describe("a token", () => {
  test.each([
    ["exp", { exp: undefined }, /claim exp/],
    ["sub", { sub: undefined }, /claim sub/],
    ["a sub with anything in it", { sub: "" }, /claim sub/],
    ["a sub that is text", { sub: { name: "billing" } }, /claim sub/],
  ])("without %s is refused", async (_, claims, message) => {
    const { verify } = verifierOf(await setOf(first));
    await expect(verify(await token(claims))).rejects.toEqual(refused(message));
  });

  test("signed with the public key as a shared secret is refused", async () => {
    const { verify } = verifierOf(await setOf(first));
    const { x = "" } = await exportJWK(first.publicKey);
    for (const key of [
      first.publicKey.export({ type: "spki", format: "pem" }),
      first.publicKey.export({ type: "spki", format: "der" }),
      Buffer.from(x, "base64url"),
    ]) {
      const forged = await token({}, { alg: "HS256", kid: "first" }, Buffer.from(key));
      await expect(verify(forged)).rejects.toEqual(refused(/does not accept the token/));
    }
  });

  test("without kid is accepted if only one key can have signed it", async () => {
    const unnamed = await token({}, { alg: "ES256" });
    await expect(verifierOf(await setOf(first)).verify(unnamed)).resolves.toMatchObject({
      principal: { name: "jwt:billing" },
    });
    await expect(verifierOf(await setOf(second)).verify(unnamed)).rejects.toEqual(refused(/does not accept the token/));
    await expect(verifierOf(await setOf(first, second)).verify(unnamed)).rejects.toEqual(refused(/no kid/));
  });

  test.each([
    ["auth0|5f7c", "jwt:auth0|5f7c"],
    ["spiffe://example.org/billing", "jwt:spiffe://example.org/billing"],
    ["anybody", "jwt:anybody"],
    // printf %s ada@example.com | sha256sum
    ["ada@example.com", "jwt:#b5fc85e55755f9e0"],
    ["two words", expect.stringMatching(/^jwt:#[0-9a-f]{16}$/)],
    ["x".repeat(101), expect.stringMatching(/^jwt:#[0-9a-f]{16}$/)],
  ])("for %j names its caller %s", async (sub, name) => {
    const { verify } = verifierOf(await setOf(first));
    expect((await verify(await token({ sub }))).principal.name).toEqual(name);
  });
});

describe("keys at a URL", () => {
  /** An identity provider that answers `answer`, or 503 without one. */
  async function provider(answer?: string) {
    const state = { answer, asked: 0, url: "" };
    const server = createServer((_, response) => {
      state.asked++;
      response.statusCode = state.answer === undefined ? 503 : 200;
      response.setHeader("content-type", "application/json").end(state.answer);
    }).listen(0, "127.0.0.1");
    onTestFinished(() => void server.close().closeAllConnections());
    await once(server, "listening");
    state.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
    // Fakes only the date, so that timers of the network go on.
    vi.useFakeTimers({ toFake: ["Date"] });
    return state;
  }
  const later = (seconds: number) => void vi.setSystemTime(Date.now() + seconds * 1_000);
  const unverifiable = expect.objectContaining({ reason: "CREDENTIALS_UNVERIFIABLE" });

  test("that cannot be fetched make calls fail as retryable, and are fetched less and less often", async () => {
    const keys = await provider();
    const { verify } = verifier(keys.url);
    const good = await token();
    for (let call = 0; call < 20; call++) await expect(verify(good)).rejects.toEqual(unverifiable);
    expect(keys.asked).toBe(1);
    later(1.1);
    for (let call = 0; call < 20; call++) await expect(verify(good)).rejects.toEqual(unverifiable);
    expect(keys.asked).toBe(2);
    later(1.1);
    await expect(verify(good)).rejects.toEqual(unverifiable);
    expect(keys.asked).toBe(2);
    later(1);
    keys.answer = await setOf(first);
    await expect(verify(good)).resolves.toMatchObject({ principal: { name: "jwt:billing" } });
    expect(keys.asked).toBe(3);
  });

  test("stay in use while the provider is away or sends something else", async () => {
    const keys = await provider(await setOf(first));
    const { verify } = verifier(keys.url);
    const good = await token();
    await verify(good);
    for (const [answer, reason] of [
      [undefined, "answered 503"],
      ["{}", "is not a JSON Web Key Set"],
      ['{"keys":[]}', "has no keys: no token could be verified"],
    ] as const) {
      keys.answer = answer;
      later(601);
      for (let call = 0; call < 5; call++) await verify(good);
      expect(errors.splice(0).map(({ message }) => message)).toEqual([`${keys.url}: ${reason}`]);
    }
    expect(keys.asked).toBe(4);
  });

  test("are fetched again for a token with an unknown key, at most every half a minute", async () => {
    const keys = await provider(await setOf(first));
    const { verify } = verifier(keys.url);
    await verify(await token());
    const others = await token({}, { alg: "ES256", kid: "second" }, second.privateKey);
    for (let call = 0; call < 20; call++)
      await expect(verify(others)).rejects.toEqual(refused(/does not accept the token/));
    expect(keys.asked).toBe(1);
    keys.answer = undefined;
    later(31);
    for (let call = 0; call < 20; call++)
      await expect(verify(others)).rejects.toEqual(refused(/does not accept the token/));
    expect(keys.asked).toBe(2);
    keys.answer = await setOf(first, second);
    later(31);
    await verify(others);
    expect(keys.asked).toBe(3);
  });

  test.each([
    "{",
    "[]",
    '{"keys":[{"kty":"EC","crv":"P-256","kid":"first","alg":"ES256","x":"AA","y":"AA"}]}',
    JSON.stringify({ keys: [{ ...first.privateKey.export({ format: "jwk" }), kid: "first", alg: "ES256" }] }),
  ])("that are %s are not the caller's fault", async (answer) => {
    const { url } = await provider(answer);
    await expect(verifier(url).verify(await token())).rejects.toEqual(unverifiable);
  });

  test.each([
    ["http://id.example.com/keys", /^--jwt-jwks http:\/\/id.example.com\/keys: .*use https$/],
    ["https://ann:s3cret@id.example.com/keys", /^--jwt-jwks is not a URL .*without user and password$/],
    ["https://", /^--jwt-jwks is not a URL/],
  ])("%s are refused at the start", (url, message) => {
    expect(() => verifier(url)).toThrow(message);
  });

  test.each(["https://id.example.com/keys", "HTTPS://id.example.com/keys", "http://localhost:1/", "http://[::1]:1/"])(
    "%s are accepted",
    (url) => {
      verifier(url);
    },
  );
});

describe("a set without a key that verifies tokens", () => {
  const jwk = (type: "ec" | "rsa" | "ed25519", more: object = {}) => {
    const { publicKey } =
      type === "ec"
        ? generateKeyPairSync("ec", { namedCurve: "P-256" })
        : type === "rsa"
          ? generateKeyPairSync("rsa", { modulusLength: 1_024 })
          : generateKeyPairSync("ed25519");
    return { ...publicKey.export({ format: "jwk" }), ...more };
  };
  const sets: [string, readonly object[], RegExp][] = [
    ["no keys", [], /has no keys: no token could be verified$/],
    ["a shared secret", [{ kty: "oct", k: "c2VjcmV0" }], /keys\[0\] has a kty other than RSA, EC or OKP$/],
    ["another alg", [jwk("ec", { alg: "ECDH-ES" })], /keys\[0\] has an alg other than ES256, ES384, ES512$/],
    ["an alg of another curve", [jwk("ec", { alg: "ES512" })], /alg and a crv that do not match$/],
    ["keys for encryption", [jwk("ec", { use: "enc" })], /keys\[0\] has a use other than sig$/],
    ["keys to sign with", [jwk("ec", { key_ops: ["sign"] })], /has key_ops without verify$/],
    ["a private key", [first.privateKey.export({ format: "jwk" })], /is a private key: list its public half$/],
    ["a short key", [jwk("rsa")], /has fewer than 2048 bits$/],
    ["a curve that is not known", [jwk("ed25519", { crv: "X25519" })], /has a crv other than/],
    ["a damaged key", [jwk("ec", { x: "AA" })], /keys\[0\] cannot be read$/],
    ["many", Array.from({ length: 5 }, () => ({ kty: "oct" })), /keys\[2\] has a kty .*; and 2 more$/],
  ];

  test.each(sets)("is refused at the start with the reason: %s", (_, keys, message) => {
    expect(() => verifierOf(JSON.stringify({ keys }))).toThrow(message);
  });

  test("is not used after a change of the file", async () => {
    const directory = mkdtempSync(join(tmpdir(), "rollcall-jwt-"));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const path = join(directory, "jwks.json");
    writeFileSync(path, await setOf(first));
    const { verify } = verifier(path);
    writeFileSync(path, '{"keys":[]}');
    await until(() => errors.length > 0);
    expect(errors.map(({ message }) => message)).toEqual([`${path}: has no keys: no token could be verified`]);
    await expect(verify(await token())).resolves.toMatchObject({ principal: { name: "jwt:billing" } });
  });

  test("is accepted with keys for other uses once it has one that does", async () => {
    const { publicKey } = first;
    const keys = [{ kty: "oct" }, jwk("ec", { use: "enc" }), { ...publicKey.export({ format: "jwk" }), kid: "first" }];
    const { verify } = verifierOf(JSON.stringify({ keys }));
    await expect(verify(await token())).resolves.toMatchObject({ principal: { name: "jwt:billing" } });
  });
});
