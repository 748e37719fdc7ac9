/** Callers that an identity provider vouches for, by JSON Web Tokens: https://www.rfc-editor.org/rfc/rfc9068 */
import { createLocalJWKSet, createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import { type WatchedFile, watchedFile } from "../config/watched-file.ts";
import { credentialsInvalid, credentialsUnverifiable } from "../users/errors.ts";
import { type Caller, isScope } from "./caller.ts";

export interface JwtOptions {
  /** The keys' set: a URL that begins with https or http, or a file, which is read again when it changes. */
  readonly jwks: string;
  readonly issuer: string;
  readonly audience: string;
  /** The claim that holds the scopes: a text with spaces in between, or a list. */
  readonly scopeClaim: string;
  /** Called where the keys' file has changed and cannot be used. */
  readonly onError: (error: Error) => void;
}

export interface JwtVerifier {
  /** @throws UserError CREDENTIALS_INVALID, CREDENTIALS_UNVERIFIABLE */
  verify(token: string): Promise<{ caller: Caller; expiresAt: number }>;
  close(): void;
}

/** Signatures by a key of which only the public half is known here. */
const algorithms = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
];
/** How far clocks may be apart. */
const clockToleranceSeconds = 30;

/** @throws Error that names the file of keys, if it cannot be used */
export function createJwtVerifier(options: JwtOptions): JwtVerifier {
  const { issuer, audience, scopeClaim } = options;
  const keys = openKeys(options);
  return {
    async verify(token) {
      try {
        const { payload } = await jwtVerify(token, keys.find, {
          issuer,
          audience,
          algorithms,
          clockTolerance: clockToleranceSeconds,
          requiredClaims: ["exp", "sub"],
        });
        return { caller: callerOf(payload, scopeClaim), expiresAt: Number(payload.exp) * 1_000 };
      } catch (error) {
        throw refusal(error);
      }
    },
    close: () => keys.close(),
  };
}

interface Keys {
  readonly find: JWTVerifyGetKey;
  close(): void;
}

function openKeys({ jwks, onError }: JwtOptions): Keys {
  if (/^https?:\/\//.test(jwks)) return { find: createRemoteJWKSet(new URL(jwks)), close() {} };
  const parse = (content: Buffer) => {
    try {
      return createLocalJWKSet(JSON.parse(content.toString("utf8")));
    } catch {
      throw new Error("is not a JSON Web Key Set");
    }
  };
  const file: WatchedFile<JWTVerifyGetKey> = watchedFile({ path: jwks, parse, onError });
  return { find: (header, input) => file.content(header, input), close: () => file.close() };
}

function callerOf(payload: JWTPayload, scopeClaim: string): Caller {
  const claim = payload[scopeClaim];
  const words: unknown[] = Array.isArray(claim) ? claim : typeof claim === "string" ? claim.split(" ") : [];
  const granted = words.filter((word) => typeof word === "string").filter(isScope);
  return { name: String(payload.sub), scopes: new Set(granted) };
}

/** What is wrong with a token, in words that repeat nothing of it. */
function refusal(error: unknown): Error {
  if (error instanceof errors.JWTExpired) return credentialsInvalid("the token has expired");
  if (error instanceof errors.JWTClaimValidationFailed) {
    return credentialsInvalid(`the token's claim ${error.claim} is not as it should be`);
  }
  if (
    error instanceof errors.JWKSTimeout ||
    !(error instanceof errors.JOSEError) ||
    error.code === "ERR_JOSE_GENERIC"
  ) {
    return credentialsUnverifiable(error);
  }
  return credentialsInvalid("the token is not one that this server accepts");
}
