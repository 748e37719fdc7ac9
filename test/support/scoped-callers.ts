/** Callers with tokens, one for each set of scopes. */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Scope, scopes } from "../../src/credentials/principal.ts";

/** Every set of scopes but the empty one, which no credentials file may list. */
export const scopeSets: readonly (readonly Scope[])[] = Array.from({ length: 2 ** scopes.length - 1 }, (_, at) =>
  scopes.filter((_, bit) => ((at + 1) & (1 << bit)) !== 0),
);

export function authorizationOf(set: readonly Scope[]): string {
  return `Bearer ${tokenOf(set)}`;
}

function tokenOf(set: readonly Scope[]): string {
  return `token-of+${[...set].sort().join("+")}`;
}

/** The credentials file that has them all. */
export function scopedCredentials(): { readonly file: string; remove(): void } {
  const directory = mkdtempSync(join(tmpdir(), "rollcall-scopes-"));
  const file = join(directory, "credentials.json");
  const tokens = scopeSets.map((set, at) => ({
    name: `caller-${at}`,
    sha256: createHash("sha256").update(tokenOf(set)).digest("hex"),
    scopes: set,
  }));
  writeFileSync(file, JSON.stringify({ tokens }));
  return { file, remove: () => rmSync(directory, { recursive: true }) };
}
