/** The operator's list of who may call: digests of tokens, and names of client certificates. */
import { z } from "zod";
import { invisible } from "../config/invisible.ts";
import { problemOf } from "./credentials-problems.ts";
import { jwtPrefix, type Principal, reservedNames, scopes } from "./principal.ts";

const scopeList = z.array(z.enum(scopes)).min(1);
/** A name for logs or in a certificate. Spaces around it or a line break at its end would make it match nothing. */
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
    (value) => !reservedNames.includes(value) && !value.startsWith(jwtPrefix),
    `expected a name other than ${reservedNames.join(", ")}, and without ${jwtPrefix} at its beginning`,
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

interface TokenEntry extends Principal {
  /** 32 bytes. */
  readonly digest: Buffer;
}

/** A name in the certificate's subjectAltName: either `uri` or `dns`. */
interface CertificateEntry extends Principal {
  readonly uri: string | undefined;
  readonly dns: string | undefined;
}

export interface CredentialsFile {
  readonly tokens: readonly TokenEntry[];
  readonly certificates: readonly CertificateEntry[];
}

/** @throws Error with a path and what is wrong there, to follow the name of the file */
export function parseCredentialsFile(content: Buffer): CredentialsFile {
  const result = fileSchema.safeParse(readJson(content), { error: problemOf });
  if (!result.success) {
    throw new Error(result.error.issues.map(({ path, message }) => `${pathOf(path)}${message}`).join("; "));
  }
  const { tokens, certificates } = result.data;
  const digests = new Map<string, number>();
  for (const [index, { sha256 }] of tokens.entries()) {
    const first = digests.get(sha256.toLowerCase());
    if (first !== undefined) throw new Error(`tokens[${index}].sha256: is the same as in tokens[${first}]`);
    digests.set(sha256.toLowerCase(), index);
  }
  for (const [index, { uri, dns }] of certificates.entries()) {
    const isSame = (other: (typeof certificates)[number]) =>
      other.uri === uri && other.dns?.toLowerCase() === dns?.toLowerCase();
    const first = certificates.findIndex(isSame);
    if (first < index) throw new Error(`certificates[${index}]: has the same name as certificates[${first}]`);
  }
  return {
    tokens: tokens.map(({ name, sha256, scopes }) => ({
      name,
      digest: Buffer.from(sha256, "hex"),
      scopes: new Set(scopes),
    })),
    certificates: certificates.map(({ name, uri, dns, scopes }) => ({
      name,
      uri,
      dns: dns?.toLowerCase(),
      scopes: new Set(scopes),
    })),
  };
}

function readJson(content: Buffer): unknown {
  try {
    return JSON.parse(content.toString("utf8"));
  } catch {
    // The message of JSON.parse quotes the file.
    throw new Error("is not JSON; expected an object with tokens or certificates, or both");
  }
}

function pathOf(path: readonly PropertyKey[]): string {
  const text = path.map((step) => (typeof step === "number" ? `[${step}]` : `.${String(step)}`)).join("");
  return text === "" ? "" : `${text.replace(/^\./, "")}: `;
}
