/** Finds out who calls, by what they show of themselves. */
import { hash, timingSafeEqual } from "node:crypto";
import { watchedFile } from "../config/watched-file.ts";
import { credentialsInvalid } from "../users/errors.ts";
import { type CredentialsFile, parseCredentialsFile } from "./credentials-file.ts";
import type { JwtOptions, JwtVerifier } from "./jwt.ts";
import { bearerToken, type CertificateNames, type Presented, type Principal } from "./principal.ts";

/** Verified JSON Web Tokens that are remembered, until they expire. */
const maxRemembered = 10_000;
/** How long at most: by then a key that is no longer in the set is no longer accepted. */
const rememberMs = 300_000;

export interface AuthenticatorOptions {
  /** The file that lists tokens and certificates, if there is one. */
  readonly file: string | undefined;
  /** Whether connections verify the certificates that callers show; else a file must not list any. */
  readonly certificatesAreVerified: boolean;
  readonly jwt: Omit<JwtOptions, "onError"> | undefined;
  /** Called where a file has changed and cannot be used; what it held before stays in use. */
  readonly onError: (error: Error) => void;
  /** Called where a file has changed and is used. */
  readonly onReload: () => void;
  /** Called where a file is used that lists nobody, beside JSON Web Tokens; without those, such a file cannot be used. */
  readonly onNobody: () => void;
}

export interface Authenticator {
  /**
   * The caller by its Authorization header or, without one, by its certificate. At once wherever nobody needs to be asked.
   *
   * @throws UserError CREDENTIALS_INVALID, CREDENTIALS_UNVERIFIABLE
   */
  authenticate(presented: Presented): Principal | Promise<Principal>;
  close(): void;
}

/** @throws Error that names what is wrong with a file */
export async function createAuthenticator(options: AuthenticatorOptions): Promise<Authenticator> {
  const { certificatesAreVerified, onError, onReload, onNobody } = options;
  const parse = (content: Buffer) => {
    const parsed = parseCredentialsFile(content);
    if (parsed.certificates.length > 0 && !certificatesAreVerified) {
      throw new Error("certificates: need an authority to verify them by: --tls-client-ca");
    }
    if (parsed.tokens.length + parsed.certificates.length === 0) {
      if (options.jwt === undefined)
        throw new Error("lists nobody, so that nobody could call: rollcall token makes an entry");
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
    if (jwt === undefined) throw credentialsInvalid("the token is not one that this server accepts");
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
            : "the client certificate is not one that this server accepts",
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
  // Only those who use it wait for it to load.
  const { createJwtVerifier } = await import("./jwt.ts");
  return createJwtVerifier({ ...jwt, onError });
}

/** Takes as long whichever token it is, and whether it is one of them. */
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
