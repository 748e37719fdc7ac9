import type { CertificateNames } from "./principal.ts";

/** An entry of the text that Node writes a subjectAltName as; a value with anything special in it is a JSON string. */
const entryPattern = /(?<type>[A-Za-z][A-Za-z ]*):(?<value>"(?:[^"\\]|\\.)*"|[^",]*)(?:, |$)/y;

/**
 * The names in a certificate's subjectAltName.
 *
 * @param subjectAltName as `X509Certificate.subjectAltName` of `node:crypto` has it
 * @returns no names where any of the text is not understood
 */
export function certificateNames(subjectAltName: string | undefined): CertificateNames {
  const uris: string[] = [];
  const dns: string[] = [];
  const text = subjectAltName ?? "";
  entryPattern.lastIndex = 0;
  while (entryPattern.lastIndex < text.length) {
    const { type, value = "" } = entryPattern.exec(text)?.groups ?? {};
    if (type === undefined) return { uris: [], dns: [] };
    // A quoted value holds what no name that is looked for has.
    if (value.startsWith('"')) continue;
    if (type === "URI") uris.push(value);
    else if (type === "DNS") dns.push(value.toLowerCase());
  }
  return { uris, dns };
}
