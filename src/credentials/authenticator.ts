/** Authenticates callers by bearer token or client certificate. */
import { hash, timingSafeEqual } from "node:crypto";
import { watchedFile } from "../config/watched-file.ts";
import { credentialsInvalid } from "../users/errors.ts";
import { type CredentialsFile, parseCredentialsFile } from "./credentials-file.ts";
import type { JwtOptions, JwtVerifier } from "./jwt.ts";
import { bearerToken, type CertificateNames, type Presented, type Principal, tokenNotAccepted } from "./principal.ts";

/** Verified JSON Web Tokens to remember until they expire. */
const maxRemembered = 10_000;
/** The longest that one is remembered, and so that a key removed from the set still counts. */
const rememberMs = 300_000;

export interface AuthenticatorOptions {
  /** The file that lists tokens and certificates. */
  readonly file: string | undefined;
  /** Whether connections verify client certificates; if not, the file must not list any. */
  readonly certificatesAreVerified: boolean;
  readonly jwt: Omit<JwtOptions, "onError"> | undefined;
  /** Called when a changed file cannot be used; its previous content stays in use. */
  readonly onError: (error: Error) => void;
  /** Called when a changed file is in use. */
  readonly onReload: () => void;
  /** Called when a file without entries is in use, which only JSON Web Tokens allow. */
  readonly onNobody: () => void;
}

export interface Authenticator {
  /**
   * Reads the Authorization header or, without one, the certificate. Answers at once unless keys have to be fetched.
   *
   * @throws UserError CREDENTIALS_INVALID, CREDENTIALS_UNVERIFIABLE
   */
  authenticate(presented: Presented): Principal | Promise<Principal>;
  close(): void;
}

/** @throws Error that says what is wrong with a file */
export async function createAuthenticator(options: AuthenticatorOptions): Promise<Authenticator> {
  const { certificatesAreVerified, onError, onReload, onNobody } = options;
  const parse = (content: Buffer) => {
    const parsed = parseCredentialsFile(content);
    if (parsed.certificates.length > 0 && !certificatesAreVerified) {
      throw new Error("certificates: nothing verifies them; name their authority with --tls-client-ca");
    }
    if (parsed.tokens.length + parsed.certificates.length === 0) {
      if (options.jwt === undefined)
        throw new Error("lists nobody, so nobody could call; rollcall token makes an entry");
      onNobody();
    }
    return parsed;
  };
  const file =
    options.file === undefined ? undefined : watchedFile({ path: options.file, parse, onChange: onReload, onError });
  const jwt = await openVerifier(options).catch((error: unknown) => {
    file?.close();
    throw error;
  });
  const remembered = new Map<string, { principal: Principal; expiresAt: number }>();

  const verified = async (token: string, digest: string) => {
    if (jwt === undefined) throw tokenNotAccepted();
    const found = await jwt.verify(token);
    const [oldest] = remembered.keys();
    if (remembered.size >= maxRemembered && oldest !== undefined) remembered.delete(oldest);
    remembered.set(digest, { ...found, expiresAt: Math.min(found.expiresAt, Date.now() + rememberMs) });
    return found.principal;
  };

  return {
    authenticate({ authorization, hasSeveral, certificateNames }) {
      if (hasSeveral === true) throw credentialsInvalid("the request has several authorization headers: send one");
      if (authorization === undefined) {
        if (certificateNames !== undefined && certificateNames.expiresAt < Date.now()) {
          throw credentialsInvalid("the client certificate has expired");
        }
        const principal = certificateNames && byCertificate(file?.content, certificateNames);
        if (principal !== undefined) return principal;
        throw credentialsInvalid(
          certificateNames === undefined
            ? "credentials are missing: send `authorization: Bearer TOKEN`"
            : "the server does not accept the client certificate",
        );
      }
      const token = bearerToken(authorization);
      const digest = hash("sha256", token, "buffer");
      const principal = byToken(file?.content, digest);
      if (principal !== undefined) return principal;
      const key = digest.toString("latin1");
      const known = remembered.get(key);
      if (known !== undefined && known.expiresAt > Date.now()) return known.principal;
      remembered.delete(key);
      return verified(token, key);
    },
    close() {
      file?.close();
      jwt?.close();
    },
  };
}

async function openVerifier({ jwt, onError }: AuthenticatorOptions): Promise<JwtVerifier | undefined> {
  if (jwt === undefined) return undefined;
  // Loaded only by servers that use it.
  const { createJwtVerifier } = await import("./jwt.ts");
  return createJwtVerifier({ ...jwt, onError });
}

/** Compares every entry in constant time, so that timing reveals no token. */
function byToken(file: CredentialsFile | undefined, digest: Buffer): Principal | undefined {
  let found: Principal | undefined;
  for (const entry of file?.tokens ?? []) if (timingSafeEqual(entry.digest, digest)) found = entry;
  return found;
}

function byCertificate(file: CredentialsFile | undefined, { uris, dns }: CertificateNames): Principal | undefined {
  return file?.certificates.find(
    (entry) =>
      (entry.uri !== undefined && uris.includes(entry.uri)) || (entry.dns !== undefined && dns.includes(entry.dns)),
  );
}
