/** clients/curl.md: its commands, run in its order, print what it says. */
import { createHash } from "node:crypto";
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished, test } from "vitest";
import { createCertificates } from "../support/certificates.ts";
import { fileWith, temporaryFolder } from "../support/files.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { expectToPrint, shownCommands } from "../support/shown-commands.ts";

const shown = shownCommands(readFileSync(new URL("../../clients/curl.md", import.meta.url), "utf8"));
const token = "the-callers-token";

test("its commands print what it says", async () => {
  const folder = temporaryFolder();
  const secured = await startSecured(folder);
  const open = await startTestServer();
  onTestFinished(() => open.stop());
  await expectToPrint(shown, {
    servers: [
      ["https://localhost:50051", secured.url],
      ["localhost:50051", `127.0.0.1:${open.port}`],
    ],
    folder,
    env: { ROLLCALL_TOKEN: token },
  });
});

/** A server over TLS that asks for the token; the authority's certificate is put into the folder. */
async function startSecured(folder: string): Promise<TestServer> {
  const { ca, cert, key, remove } = createCertificates();
  onTestFinished(remove);
  copyFileSync(ca, join(folder, "ca.pem"));
  const sha256 = createHash("sha256").update(token).digest("hex");
  const tokens = [{ name: "shell", sha256, scopes: ["users.read", "users.write"] }];
  const credentials = fileWith(JSON.stringify({ tokens }), "credentials.json");
  const server = await startTestServer({ access: { tlsCert: cert, tlsKey: key, credentials } });
  onTestFinished(() => server.stop());
  return server;
}
