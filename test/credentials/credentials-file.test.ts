import { expect, test } from "vitest";
import { parseCredentialsFile } from "../../src/credentials/credentials-file.ts";

const parse = (content: unknown) => parseCredentialsFile(Buffer.from(JSON.stringify(content)));
const sha256 = "ab".repeat(32);
const scopes = ["users.read"];

test("tokens and certificates are read, and either may be left out", () => {
  expect(parse({ tokens: [{ name: "importer", sha256, scopes }] })).toEqual({
    tokens: [{ name: "importer", digest: Buffer.alloc(32, 0xab), scopes: new Set(scopes) }],
    certificates: [],
  });
  expect(parse({ certificates: [{ name: "billing", dns: "Billing.internal", scopes }] }).certificates).toMatchObject([
    { name: "billing", dns: "billing.internal" },
  ]);
});

test.each([
  ["no JSON", "is not JSON"],
  [[], "the file: "],
  [{ token: [] }, 'the file: Unrecognized key: "token"'],
  [{ tokens: [{ name: "a", sha256: "abc", scopes }] }, "tokens[0].sha256: expected the SHA-256"],
  [{ tokens: [{ name: "", sha256, scopes }] }, "tokens[0].name: "],
  [{ tokens: [{ name: "other", sha256, scopes }] }, "tokens[0].name: expected a name that stands for nobody else"],
  [
    { tokens: [{ name: "jwt:billing", sha256, scopes }] },
    "tokens[0].name: expected a name that stands for nobody else",
  ],
  [{ tokens: [{ name: "a", sha256, scopes: [] }] }, "tokens[0].scopes: "],
  [{ tokens: [{ name: "a", sha256, scopes: ["users.all"] }] }, "tokens[0].scopes[0]: "],
  [
    {
      tokens: [
        { name: "a", sha256, scopes },
        { name: "b", sha256: sha256.toUpperCase(), scopes },
      ],
    },
    "tokens[1].sha256: is that of tokens[0] too",
  ],
  [
    { tokens: [{ name: "a\u200bb", sha256, scopes }] },
    "tokens[0].name: expected no spaces around it, and no line breaks",
  ],
  [{ tokens: [{ name: "a\n", sha256, scopes }] }, "tokens[0].name: expected no spaces around it, and no line breaks"],
  [{ certificates: [{ name: "a", uri: "spiffe://a\n", scopes }] }, "certificates[0].uri: expected no spaces around it"],
  [{ certificates: [{ name: "a", dns: " a.internal", scopes }] }, "certificates[0].dns: expected no spaces around it"],
  [
    {
      certificates: [
        { name: "a", dns: "a.internal", scopes },
        { name: "b", dns: "A.internal", scopes },
      ],
    },
    "certificates[1]: has the name of certificates[0] too",
  ],
  [{ certificates: [{ name: "a", scopes }] }, "certificates[0]: expected either uri or dns"],
  [{ certificates: [{ name: "a", uri: "u", dns: "d", scopes }] }, "certificates[0]: expected either uri or dns"],
])("%j is refused, and what is wrong is named", (content, message) => {
  const file = content === "no JSON" ? Buffer.from("{") : Buffer.from(JSON.stringify(content));
  expect(() => parseCredentialsFile(file)).toThrow(message);
});
