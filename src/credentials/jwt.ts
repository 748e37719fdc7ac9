/** Authenticates callers by JSON Web Tokens of an identity provider: https://www.rfc-editor.org/rfc/rfc9068 */
import { hash } from "node:crypto";
import { errors, type JWTPayload, jwtVerify } from "jose";
import { credentialsInvalid, credentialsUnverifiable, UserError } from "../users/errors.ts";
import { openKeys } from "./jwks.ts";
import { isScope, jwtPrefix, type Principal, tokenNotAccepted } from "./principal.ts";
import { algorithms } from "./usable-keys.ts";

export interface JwtOptions {
  /** The set of keys: a URL (https, or http on this machine), or a file, which is read again when it changes. */
  readonly jwks: string;
  readonly issuer: string;
  readonly audience: string;
  /** The claim that holds the scopes: text separated by spaces, or a list. */
  readonly scopeClaim: string;
  /** Called when the set of keys cannot be read again; the previous keys stay in use. */
  readonly onError: (error: Error) => void;
}

export interface JwtVerifier {
  /** @throws UserError CREDENTIALS_INVALID, CREDENTIALS_UNVERIFIABLE */
  verify(token: string): Promise<{ principal: Principal; expiresAt: number }>;
  close(): void;
}

/** How far the clocks of the server and the provider may differ. */
const clockToleranceSeconds = 30;

/** Subjects that are names as they are. E-mail addresses and long texts do not match. */
const plainSubject = /^[A-Za-z0-9._:/|-]{1,100}$/;
/** Hexadecimal digits of the SHA-256 that replaces any other subject. */
const subjectDigits = 16;

/** @throws Error that names the option or the file of keys if it cannot be used */
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

/** A name for logs and metrics that no entry of the credentials file can have. */
function nameOf(subject: unknown): string {
  if (typeof subject !== "string" || subject === "") {
    throw credentialsInvalid("the token's claim sub is missing or wrong");
  }
  const name = plainSubject.test(subject) ? subject : `#${hash("sha256", subject).slice(0, subjectDigits)}`;
  return `${jwtPrefix}${name}`;
}

/** What is wrong with a token, without quoting it. */
function refusal(error: unknown): Error {
  if (error instanceof UserError) return error;
  if (error instanceof errors.JWTExpired) return credentialsInvalid("the token has expired");
  if (error instanceof errors.JWTClaimValidationFailed) {
    return credentialsInvalid(`the token's claim ${error.claim} is missing or wrong`);
  }
  if (error instanceof errors.JWKSMultipleMatchingKeys) {
    return credentialsInvalid("several keys could have signed the token, and it has no kid to name one");
  }
  // A missing or broken set of keys is not the caller's fault.
  if (
    error instanceof errors.JWKSTimeout ||
    error instanceof errors.JWKSInvalid ||
    !(error instanceof errors.JOSEError) ||
    error.code === "ERR_JOSE_GENERIC"
  ) {
    return credentialsUnverifiable(error);
  }
  return tokenNotAccepted();
}
