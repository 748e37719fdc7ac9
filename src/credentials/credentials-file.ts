/** The operator's list of who may call: tokens, of which only the digest is kept, and client certificates. */
import { z } from "zod";
import { invisible } from "../config/invisible.ts";
import { problemOf } from "./credentials-problems.ts";
import { isReservedName, jwtPrefix, type Scope, scopes } from "./principal.ts";

const scopeList = z.array(z.enum(scopes)).min(1);
/** As a name of a certificate's or in a log has to be: one with a line break at its end would match nothing. */
const text = z
  .string()
  .min(1)
  .refine(
    (value) => value === value.trim() && !invisible.test(value),
    "expected no spaces around it, and no line breaks or other invisible characters",
  );
const name = text
  .max(128)
  .refine(
    (value) => !isReservedName(value),
    `expected a name that stands for nobody else and does not begin with ${jwtPrefix}`,
  );

const fileSchema = z.strictObject({
  tokens: z
    .array(
      z.strictObject({
        name,
        sha256: z.string().regex(/^[0-9a-f]{64}$/i, "expected the SHA-256 of the token, as 64 hexadecimal digits"),
        scopes: scopeList,
      }),
    )
    .default([]),
  certificates: z
    .array(
      z
        .strictObject({ name, uri: text.optional(), dns: text.optional(), scopes: scopeList })
        .refine(({ uri, dns }) => (uri === undefined) !== (dns === undefined), "expected either uri or dns"),
    )
    .default([]),
});

interface TokenEntry {
  readonly name: string;
  /** 32 bytes. */
  readonly digest: Buffer;
  readonly scopes: ReadonlySet<Scope>;
}

interface CertificateEntry {
  readonly name: string;
  /** A name in the certificate's subjectAltName: one of both. */
  readonly uri: string | undefined;
  readonly dns: string | undefined;
  readonly scopes: ReadonlySet<Scope>;
}

export interface CredentialsFile {
  readonly tokens: readonly TokenEntry[];
  readonly certificates: readonly CertificateEntry[];
}

/** @throws Error that says what is wrong, by its path: goes on where the name of the file ends */
export function parseCredentialsFile(content: Buffer): CredentialsFile {
  const result = fileSchema.safeParse(readJson(content), { error: problemOf });
  if (!result.success) {
    throw new Error(result.error.issues.map(({ path, message }) => `${pathOf(path)}${message}`).join("; "));
  }
  const { tokens, certificates } = result.data;
  const digests = new Map<string, number>();
  for (const [index, { sha256 }] of tokens.entries()) {
    const first = digests.get(sha256.toLowerCase());
    if (first !== undefined) throw new Error(`tokens[${index}].sha256: is that of tokens[${first}] too`);
    digests.set(sha256.toLowerCase(), index);
  }
  for (const [index, { uri, dns }] of certificates.entries()) {
    const isSame = (other: (typeof certificates)[number]) =>
      other.uri === uri && other.dns?.toLowerCase() === dns?.toLowerCase();
    const first = certificates.findIndex(isSame);
    if (first < index) throw new Error(`certificates[${index}]: has the name of certificates[${first}] too`);
  }
  return {
    tokens: tokens.map((token) => ({
      name: token.name,
      digest: Buffer.from(token.sha256, "hex"),
      scopes: new Set(token.scopes),
    })),
    certificates: certificates.map((certificate) => ({
      name: certificate.name,
      uri: certificate.uri,
      dns: certificate.dns?.toLowerCase(),
      scopes: new Set(certificate.scopes),
    })),
  };
}

function readJson(content: Buffer): unknown {
  try {
    return JSON.parse(content.toString("utf8"));
  } catch {
    // What JSON.parse says would repeat what the file holds.
    throw new Error("is not JSON; expected an object with tokens or certificates, or both");
  }
}

function pathOf(path: readonly PropertyKey[]): string {
  const text = path.map((step) => (typeof step === "number" ? `[${step}]` : `.${String(step)}`)).join("");
  return text === "" ? "" : `${text.replace(/^\./, "")}: `;
}
