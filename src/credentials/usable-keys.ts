/** Checks that a JSON Web Key Set can verify tokens: https://www.rfc-editor.org/rfc/rfc7517#section-4 */
import { createPublicKey } from "node:crypto";
import { z } from "zod";

/** Asymmetric signatures, by the `kty` of their keys. */
const algorithmsByType = {
  RSA: ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
  EC: ["ES256", "ES384", "ES512"],
  OKP: ["EdDSA", "Ed25519"],
} as const;
export const algorithms: string[] = Object.values(algorithmsByType).flat();

const curves = new Set<unknown>(["P-256", "P-384", "P-521", "Ed25519"]);
const curveOf: Readonly<Record<string, string>> = { ES256: "P-256", ES384: "P-384", ES512: "P-521" };
const minRsaBits = 2_048;
/** The most faults that one error lists. */
const maxListed = 3;

const setSchema = z.object({ keys: z.array(z.record(z.string(), z.unknown())) });
type Jwk = z.infer<typeof setSchema>["keys"][number];

/**
 * Needs one key that verifies tokens. The set may list others: providers publish keys for encryption too.
 *
 * @throws Error that quotes nothing of the set
 */
export function checkUsable(set: unknown): void {
  const { data } = setSchema.safeParse(set);
  if (data === undefined) throw new Error("is not a JSON Web Key Set");
  const faults = data.keys.map(faultOf);
  if (faults.includes(undefined)) return;
  if (faults.length === 0) throw new Error("has no keys: no token could be verified");
  const listed = faults.slice(0, maxListed).map((fault, index) => `keys[${index}] ${fault}`);
  const more = faults.length > maxListed ? [`and ${faults.length - maxListed} more`] : [];
  throw new Error(`has no key that verifies tokens: ${[...listed, ...more].join("; ")}`);
}

/** Why a key cannot verify tokens; undefined if it can. */
function faultOf(key: Jwk): string | undefined {
  const { kty, alg, use, key_ops: operations, crv } = key;
  if (kty !== "RSA" && kty !== "EC" && kty !== "OKP") return "has a kty other than RSA, EC or OKP";
  const known: readonly string[] = algorithmsByType[kty];
  if (typeof alg === "string" && !known.includes(alg)) return `has an alg other than ${known.join(", ")}`;
  if (typeof use === "string" && use !== "sig") return "has a use other than sig";
  if (Array.isArray(operations) && !operations.includes("verify")) return "has key_ops without verify";
  if (kty !== "RSA" && !curves.has(crv)) return "has a crv other than P-256, P-384, P-521 or Ed25519";
  if (typeof alg === "string" && (curveOf[alg] ?? crv) !== crv) return "has an alg and a crv that do not match";
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
