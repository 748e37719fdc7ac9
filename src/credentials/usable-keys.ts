/** Which keys of a JSON Web Key Set can verify a token: https://www.rfc-editor.org/rfc/rfc7517#section-4 */
import { createPublicKey } from "node:crypto";
import { z } from "zod";

/** Signatures by a key of which only the public half is known here, by the `kty` of their keys. */
const algorithmsByType = {
  RSA: ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
  EC: ["ES256", "ES384", "ES512"],
  OKP: ["EdDSA", "Ed25519"],
} as const;
export const algorithms: string[] = Object.values(algorithmsByType).flat();

const curves = new Set<unknown>(["P-256", "P-384", "P-521", "Ed25519"]);
const curveOf: Readonly<Record<string, string>> = { ES256: "P-256", ES384: "P-384", ES512: "P-521" };
const minRsaBits = 2_048;
/** Keys of which it is told what is wrong. */
const maxTold = 3;

const setSchema = z.object({ keys: z.array(z.record(z.string(), z.unknown())) });
type Jwk = z.infer<typeof setSchema>["keys"][number];

/**
 * That a set could verify a token. Other keys may stand in it, as providers list them for encryption.
 *
 * @throws Error that repeats nothing of the set
 */
export function checkUsable(set: unknown): void {
  const { data } = setSchema.safeParse(set);
  if (data === undefined) throw new Error("is not a JSON Web Key Set");
  const faults = data.keys.map(faultOf);
  if (faults.includes(undefined)) return;
  if (faults.length === 0) throw new Error("has no keys: no token could be verified");
  const told = faults.slice(0, maxTold).map((fault, index) => `keys[${index}] ${fault}`);
  const more = faults.length > maxTold ? [`and ${faults.length - maxTold} more`] : [];
  throw new Error(`has no key that verifies tokens: ${[...told, ...more].join("; ")}`);
}

/** Why a key verifies no token; undefined if it may. */
function faultOf(key: Jwk): string | undefined {
  const { kty, alg, use, key_ops: operations, crv } = key;
  if (kty !== "RSA" && kty !== "EC" && kty !== "OKP") return "is not of the type RSA, EC or OKP";
  const known: readonly string[] = algorithmsByType[kty];
  if (typeof alg === "string" && !known.includes(alg)) return `has another alg than ${known.join(", ")}`;
  if (typeof use === "string" && use !== "sig") return "is not for signatures, by its use";
  if (Array.isArray(operations) && !operations.includes("verify")) return "is not to verify with, by its key_ops";
  if (kty !== "RSA" && !curves.has(crv)) return "has another crv than P-256, P-384, P-521 or Ed25519";
  if (typeof alg === "string" && (curveOf[alg] ?? crv) !== crv)
    return "has an alg and a crv that do not belong together";
  if ("d" in key) return "is a private key: list its public half";
  try {
    const { asymmetricKeyDetails: details } = createPublicKey({ key, format: "jwk" });
    return kty === "RSA" && (details?.modulusLength ?? 0) < minRsaBits
      ? `has fewer than ${minRsaBits} bits`
      : undefined;
  } catch {
    return "cannot be read";
  }
}
