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
  [[], "is a list; expected an object, { … }"],
  [{ token: [] }, 'has "token", which is not known; expected tokens and certificates'],
  [{ tokens: {} }, "tokens: is an object; expected a list, [ … ]"],
  [{ tokens: null }, "tokens: is null; expected a list, [ … ]"],
  [{ tokens: ["secret"] }, "tokens[0]: is text; expected an object, { … }"],
  [{ tokens: [{ sha256, scopes }] }, "tokens[0].name: is missing; expected text in quotes"],
  [{ tokens: [{ name: 5, sha256, scopes }] }, "tokens[0].name: is a number; expected text in quotes"],
  [
    { tokens: [{ name: "x".repeat(129), sha256, scopes }] },
    "tokens[0].name: is too long; expected at most 128 characters",
  ],
  [{ tokens: [{ name: "a", sha256 }] }, "tokens[0].scopes: is missing; expected a list, [ … ]"],
  [
    { tokens: [{ name: "a", sha256, scopes, role: 1, "\u001b": 1 }] },
    'tokens[0]: has "role", "\\u001b", which is not known; expected name, sha256 and scopes',
  ],
  [
    { certificates: [{ name: "a", dns: "d", scopes, cn: "d" }] },
    'certificates[0]: has "cn", which is not known; expected name, scopes, and either uri or dns',
  ],
  [{ tokens: [{ name: "a", sha256: "abc", scopes }] }, "tokens[0].sha256: expected the SHA-256"],
  [{ tokens: [{ name: "", sha256, scopes }] }, "tokens[0].name: is empty"],
  [
    { tokens: [{ name: "other", sha256, scopes }] },
    "tokens[0].name: expected a name other than anybody, unknown, other",
  ],
  [
    { tokens: [{ name: "jwt:billing", sha256, scopes }] },
    "tokens[0].name: expected a name other than anybody, unknown, other",
  ],
  [
    { tokens: [{ name: "a", sha256, scopes: [] }] },
    "tokens[0].scopes: is empty; expected one scope or more of users.read, ",
  ],
  [
    { tokens: [{ name: "a", sha256, scopes: ["users.all"] }] },
    "tokens[0].scopes[0]: is not a scope; expected one of users.read, ",
  ],
  [
    {
      tokens: [
        { name: "a", sha256, scopes },
        { name: "b", sha256: sha256.toUpperCase(), scopes },
      ],
    },
    "tokens[1].sha256: is the same as in tokens[0]",
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
    "certificates[1]: has the same name as certificates[0]",
  ],
  [{ certificates: [{ name: "a", scopes }] }, "certificates[0]: expected either uri or dns"],
  [{ certificates: [{ name: "a", uri: "u", dns: "d", scopes }] }, "certificates[0]: expected either uri or dns"],
])("%j is refused, and what is wrong is named", (content, message) => {
  const file = content === "no JSON" ? Buffer.from("{") : Buffer.from(JSON.stringify(content));
  expect(() => parseCredentialsFile(file)).toThrow(message);
  // None of the library's own messages gets through.
  expect(() => parseCredentialsFile(file)).not.toThrow(
    /[Ii]nvalid input|Too (small|big)|[Uu]nrecognized|received|>=|<=/,
  );
});
