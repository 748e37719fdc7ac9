/** Who calls, and what they may do. */
import { credentialsInvalid, scopeMissing } from "../users/errors.ts";

export const scopes = ["users.read", "users.get", "users.write", "users.delete"] as const;
export type Scope = (typeof scopes)[number];

export interface Principal {
  /** As the operator calls them, or what begins with `jwtPrefix`. */
  readonly name: string;
  readonly scopes: ReadonlySet<Scope>;
}

/** Whoever calls, where no credentials are asked for. */
export const anybody: Principal = { name: "anybody", scopes: new Set(scopes) };

/** Who is not asked. */
export const nobody: Principal = { name: "", scopes: new Set() };

/** What the names of callers begin with who are known by a JSON Web Token. */
export const jwtPrefix = "jwt:";

/** What metrics call those who have no name, or not one of their own. */
const wordsForOthers: ReadonlySet<string> = new Set([anybody.name, "unknown", "other"]);

/** Whether a name could be taken for another's. */
export function isReservedName(name: string): boolean {
  return wordsForOthers.has(name) || name.startsWith(jwtPrefix);
}

export function isScope(text: string): text is Scope {
  return scopes.some((scope) => scope === text);
}

/** @throws UserError SCOPE_MISSING */
export function checkScope({ scopes }: Principal, scope: Scope): void {
  if (scopes.has(scope) || (scope === "users.get" && scopes.has("users.read"))) return;
  throw scopeMissing(scope);
}

/** What a caller shows of themselves. */
export interface Presented {
  /** The header, as it came. */
  readonly authorization: string | undefined;
  /** Whether there are several such headers. */
  readonly hasSeveral?: boolean;
  /** Names of the certificate that the caller has shown and the connection has verified. */
  readonly certificateNames: ShownNames | undefined;
}

export interface ShownNames extends CertificateNames {
  /** When the certificate expires, which may be while the connection is open: milliseconds since 1970. */
  readonly expiresAt: number;
}

/** Of a certificate's subjectAltName: https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.6 */
export interface CertificateNames {
  readonly uris: readonly string[];
  readonly dns: readonly string[];
}

const authorizationName = "authorization";

/**
 * Whether a request has several Authorization headers. Node keeps the first, and a proxy on the way may have checked another.
 *
 * @param rawHeaders names and values in turn, as they came
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
