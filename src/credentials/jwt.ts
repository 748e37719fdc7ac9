/** Callers that an identity provider vouches for, by JSON Web Tokens: https://www.rfc-editor.org/rfc/rfc9068 */
import { hash } from "node:crypto";
import { errors, type JWTPayload, jwtVerify } from "jose";
import { credentialsInvalid, credentialsUnverifiable, UserError } from "../users/errors.ts";
import { openKeys } from "./jwks.ts";
import { isScope, jwtPrefix, type Principal } from "./principal.ts";
import { algorithms } from "./usable-keys.ts";

export interface JwtOptions {
  /** The keys' set: a URL that begins with https, or with http on this machine, or a file, which is read again when it changes. */
  readonly jwks: string;
  readonly issuer: string;
  readonly audience: string;
  /** The claim that holds the scopes: a text with spaces in between, or a list. */
  readonly scopeClaim: string;
  /** Called where the keys' set cannot be read again; the keys from before stay in use. */
  readonly onError: (error: Error) => void;
}

export interface JwtVerifier {
  /** @throws UserError CREDENTIALS_INVALID, CREDENTIALS_UNVERIFIABLE */
  verify(token: string): Promise<{ principal: Principal; expiresAt: number }>;
  close(): void;
}

/** How far clocks may be apart. */
const clockToleranceSeconds = 30;

/** Subjects that are told as they are: no e-mail address is among them, and no text of any length. */
const tellableSubject = /^[A-Za-z0-9._:/|-]{1,100}$/;
/** Hexadecimal digits of a subject's SHA-256 that stand for it where it is not told. */
const subjectDigits = 16;

/** @throws Error that names the option or the file of keys, if it cannot be used */
export function createJwtVerifier({ jwks, issuer, audience, scopeClaim, onError }: JwtOptions): JwtVerifier {
  const keys = openKeys(jwks, onError);
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
        return { principal: principalOf(payload, scopeClaim), expiresAt: Number(payload.exp) * 1_000 };
      } catch (error) {
        throw refusal(error);
      }
    },
    close: () => keys.close(),
  };
}

function principalOf(payload: JWTPayload, scopeClaim: string): Principal {
  const claim = payload[scopeClaim];
  const words: unknown[] = Array.isArray(claim) ? claim : typeof claim === "string" ? claim.split(" ") : [];
  const granted = words.filter((word) => typeof word === "string").filter(isScope);
  return { name: nameOf(payload.sub), scopes: new Set(granted) };
}

/** A caller's name for logs and metrics, which no caller of the credentials file has. */
function nameOf(subject: unknown): string {
  if (typeof subject !== "string" || subject === "") {
    throw credentialsInvalid("the token's claim sub is not as it should be");
  }
  const told = tellableSubject.test(subject) ? subject : `#${hash("sha256", subject).slice(0, subjectDigits)}`;
  return `${jwtPrefix}${told}`;
}

/** What is wrong with a token, in words that repeat nothing of it. */
function refusal(error: unknown): Error {
  if (error instanceof UserError) return error;
  if (error instanceof errors.JWTExpired) return credentialsInvalid("the token has expired");
  if (error instanceof errors.JWTClaimValidationFailed) {
    return credentialsInvalid(`the token's claim ${error.claim} is not as it should be`);
  }
  if (error instanceof errors.JWKSMultipleMatchingKeys) {
    return credentialsInvalid("the token does not say which key it is signed with: it has no kid");
  }
  // That the set is not as it should be is not the caller's fault.
  if (
    error instanceof errors.JWKSTimeout ||
    error instanceof errors.JWKSInvalid ||
    !(error instanceof errors.JOSEError) ||
    error.code === "ERR_JOSE_GENERIC"
  ) {
    return credentialsUnverifiable(error);
  }
  return credentialsInvalid("the token is not one that this server accepts");
}
