/** Who calls, and what they may do. */
import { credentialsInvalid, scopeMissing, type UserError } from "../users/errors.ts";

export const scopes = ["users.read", "users.get", "users.write", "users.delete"] as const;
export type Scope = (typeof scopes)[number];

export interface Principal {
  /** The name in the credentials file, or `jwtPrefix` and the subject of a JSON Web Token. */
  readonly name: string;
  readonly scopes: ReadonlySet<Scope>;
}

/** Every caller of a server that asks for no credentials. */
export const anybody: Principal = { name: "anybody", scopes: new Set(scopes) };

/** The caller of a method that is open to all, or one not authenticated yet. */
export const nobody: Principal = { name: "", scopes: new Set() };

/** Prefix of the names of callers with a JSON Web Token. */
export const jwtPrefix = "jwt:";

/** Names that metrics use for callers without a name of their own. */
export const reservedNames: readonly string[] = [anybody.name, "unknown", "other"];

export function isScope(text: string): text is Scope {
  return scopes.some((scope) => scope === text);
}

/** @throws UserError SCOPE_MISSING */
export function checkScope({ scopes }: Principal, scope: Scope): void {
  if (scopes.has(scope) || (scope === "users.get" && scopes.has("users.read"))) return;
  throw scopeMissing(scope);
}

/** The credentials of a request. */
export interface Presented {
  /** The header as received. */
  readonly authorization: string | undefined;
  /** Whether the request has several such headers. */
  readonly hasSeveral?: boolean;
  /** Names in the client certificate, which the connection has verified. */
  readonly certificateNames: ShownNames | undefined;
}

export interface ShownNames extends CertificateNames {
  /** When the certificate expires, in milliseconds since 1970. The connection may outlive it. */
  readonly expiresAt: number;
}

/** Names in a certificate's subjectAltName: https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.6 */
export interface CertificateNames {
  readonly uris: readonly string[];
  readonly dns: readonly string[];
}

const authorizationName = "authorization";

/**
 * Whether a request has several Authorization headers. Node keeps the first; a proxy may have checked another one.
 *
 * @param rawHeaders names and values in turn, as received
 */
export function hasSeveralTokens(authorization: string | undefined, rawHeaders: readonly string[]): boolean {
  if (authorization === undefined) return false;
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name?.length === authorizationName.length && name.toLowerCase() === authorizationName) count++;
  }
  return count > 1;
}

/** The token of an Authorization header: https://www.rfc-editor.org/rfc/rfc6750#section-2.1 */
export function bearerToken(authorization: string): string {
  const [, token] = /^bearer +([A-Za-z0-9\-._~+/]+=*) *$/i.exec(authorization) ?? [];
  if (token === undefined) throw credentialsInvalid("the authorization header is not `Bearer` and one token");
  return token;
}

export function tokenNotAccepted(): UserError {
  return credentialsInvalid("the server does not accept the token");
}
