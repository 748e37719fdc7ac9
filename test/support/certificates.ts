/** Certificates for a test: an authority of its own, and what it signs for 127.0.0.1. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Paths of files in PEM. */
export interface Certificates {
  readonly ca: string;
  /** Serves as a server's and as a client's. */
  readonly cert: string;
  readonly key: string;
  /** Signs another certificate, for 127.0.0.1 and these names, as `URI:spiffe://example.org/billing`. */
  sign(name: string, ...alsoFor: readonly string[]): { readonly cert: string; readonly key: string };
  /** The same with a key of RSA; the others are of elliptic curves. */
  signRsa(name: string): { readonly cert: string; readonly key: string };
  /** The same, which expired a day ago. */
  signExpired(name: string): { readonly cert: string; readonly key: string };
  remove(): void;
}

const ellipticKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
const rsaKey = ["-newkey", "rsa:2048"];

export function createCertificates(): Certificates {
  const directory = mkdtempSync(join(tmpdir(), "rollcall-certificates-"));
  const path = (name: string) => join(directory, name);
  const request = (subject: string, key: string, out: string, ...more: string[]) =>
    execFileSync(
      "openssl",
      [
        ...["req", "-x509", "-nodes", "-days", "2"],
        ...["-subj", `/CN=${subject}`, "-keyout", path(key), "-out", path(out), ...more],
      ],
      { stdio: "pipe" },
    );
  request("Test authority", "ca.key", "ca.pem", ...ellipticKey);
  const signWith = (keyType: readonly string[], name: string, alsoFor: readonly string[] = []) => {
    const names = ["IP:127.0.0.1", ...alsoFor].join(",");
    const signed = ["-CA", path("ca.pem"), "-CAkey", path("ca.key"), "-addext", `subjectAltName=${names}`];
    const leaf = ["-addext", "basicConstraints=critical,CA:FALSE"];
    request(name, `${name}.key`, `${name}.pem`, ...keyType, ...signed, ...leaf);
    return { cert: path(`${name}.pem`), key: path(`${name}.key`) };
  };
  const sign = (name: string, ...alsoFor: readonly string[]) => signWith(ellipticKey, name, alsoFor);
  return {
    ca: path("ca.pem"),
    ...sign("127.0.0.1"),
    sign,
    signRsa: (name) => signWith(rsaKey, name),
    signExpired(name) {
      const { cert, key } = { cert: path(`${name}.pem`), key: path(`${name}.key`) };
      const asked = path(`${name}.csr`);
      const names = ["-subj", `/CN=${name}`, "-addext", "subjectAltName=IP:127.0.0.1"];
      execFileSync("openssl", ["req", "-nodes", ...ellipticKey, ...names, "-keyout", key, "-out", asked], {
        stdio: "pipe",
      });
      const signed = ["-CA", path("ca.pem"), "-CAkey", path("ca.key"), "-copy_extensions", "copy", "-days", "-1"];
      execFileSync("openssl", ["x509", "-req", "-in", asked, ...signed, "-out", cert], { stdio: "pipe" });
      return { cert, key };
    },
    remove: () => rmSync(directory, { recursive: true }),
  };
}
