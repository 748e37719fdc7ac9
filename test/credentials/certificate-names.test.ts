import { expect, test } from "vitest";
import { certificateNames } from "../../src/credentials/certificate-names.ts";

test.each([
  ["URI:spiffe://example.org/billing", ["spiffe://example.org/billing"], []],
  ["DNS:Billing.Internal, IP Address:127.0.0.1, DNS:b", [], ["billing.internal", "b"]],
  ["email:ada@example.com, URI:spiffe://example.org/a, othername:<unsupported>", ["spiffe://example.org/a"], []],
  ["", [], []],
])("%j has its names", (text, uris, dns) => {
  expect(certificateNames(text)).toEqual({ uris, dns });
});

// As Node writes values with the separators of its text.
test.each([
  `URI:"http://x/, URI:spiffe://example.org/billing, DNS:b"`,
  String.raw`DNS:"a\", URI:spiffe://example.org/billing, DNS:\"b"`,
  `URI:"spiffe://example.org/billing`,
  `URI:a"b, URI:spiffe://example.org/billing`,
])("a name within another is none: %s", (text) => {
  expect(certificateNames(text)).toEqual({ uris: [], dns: [] });
});
