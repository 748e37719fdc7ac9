import type { CertificateNames } from "./principal.ts";

/** One entry of the text that Node makes of a subjectAltName; it quotes values with special characters as JSON. */
const entryPattern = /(?<type>[A-Za-z][A-Za-z ]*):(?<value>"(?:[^"\\]|\\.)*"|[^",]*)(?:, |$)/y;

/**
 * The names in a certificate's subjectAltName.
 *
 * @param subjectAltName `X509Certificate.subjectAltName` of `node:crypto`
 * @returns no names if any part of the text cannot be parsed
 */
export function certificateNames(subjectAltName: string | undefined): CertificateNames {
  const uris: string[] = [];
  const dns: string[] = [];
  const text = subjectAltName ?? "";
  entryPattern.lastIndex = 0;
  while (entryPattern.lastIndex < text.length) {
    const { type, value = "" } = entryPattern.exec(text)?.groups ?? {};
    if (type === undefined) return { uris: [], dns: [] };
    // No SPIFFE id or host name needs quotes.
    if (value.startsWith('"')) continue;
    if (type === "URI") uris.push(value);
    else if (type === "DNS") dns.push(value.toLowerCase());
  }
  return { uris, dns };
}
