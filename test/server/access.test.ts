import { copyFileSync, readFileSync } from "node:fs";
import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";
import { type AccessSettings, openAccess } from "../../src/server/access.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { createCertificates } from "../support/certificates.ts";
import { until } from "../support/until.ts";

const logger = createLogger("silent");
const jwt = { jwtJwks: "https://id.example.com/keys", jwtIssuer: "i", jwtAudience: "a" };

async function open(host: string, settings: AccessSettings) {
  (await openAccess({ host, port: 1 }, settings, logger)).close();
}

test.each(["127.0.0.1", "127.1.2.3", "::1", "localhost"])("%s is served without credentials", async (host) => {
  await open(host, {});
});

test.each(["0.0.0.0", "::", "192.168.1.1", "127.example.com", "rollcall.internal"])(
  "%s is served with credentials or --insecure",
  async (host) => {
    await expect(open(host, {})).rejects.toThrow(/--listen .*--credentials.* --insecure/);
    await expect(open(host, { insecure: false })).rejects.toThrow("--insecure");
    await open(host, { insecure: true });
    await open(host, jwt);
  },
);

test("without credentials, a warning says that any web page may call", async () => {
  const warnings = async (host: string, settings: AccessSettings) => {
    const logged: string[] = [];
    const log = pino({}, { write: (line: string) => void logged.push(JSON.parse(line).msg) });
    (await openAccess({ host, port: 1 }, settings, log)).close();
    return logged;
  };
  const isWarning = expect.stringContaining("any web page");
  expect(await warnings("127.0.0.1", { corsOrigins: "*" })).toEqual([isWarning]);
  expect(await warnings("127.0.0.1", { corsOrigins: "*", ...jwt })).toEqual([]);
  expect(await warnings("127.0.0.1", { corsOrigins: ["https://app.example.com"] })).toEqual([]);
});

test("a certificate that changes before the service listens is used", async () => {
  const certificates = createCertificates();
  onTestFinished(() => certificates.remove());
  const logged: string[] = [];
  const log = pino({}, { write: (line: string) => void logged.push(line) });
  const settings = { tlsCert: certificates.cert, tlsKey: certificates.key };
  const access = await openAccess({ host: "127.0.0.1", port: 1 }, settings, log);
  onTestFinished(() => access.close());
  const second = certificates.sign("second");
  copyFileSync(second.cert, certificates.cert);
  copyFileSync(second.key, certificates.key);
  await until(() => logged.some((line) => line.includes("certificates were read again")));
  const shown: unknown[] = [];
  access.followTls(({ cert }) => shown.push(cert));
  expect(shown).toEqual([readFileSync(second.cert)]);
});

test.each<[AccessSettings, string]>([
  [{ tlsCert: "c" }, "--tls-cert and --tls-key"],
  [{ tlsKey: "k" }, "--tls-cert and --tls-key"],
  [{ tlsClientCa: "c" }, "--tls-client-ca needs --tls-cert"],
  [
    { tlsCert: "/none/c", tlsKey: "/none/k" },
    "--tls-cert cannot be read: ENOENT: no such file or directory, access '/none/c'",
  ],
  [{ jwtIssuer: "i" }, "--jwt-jwks, --jwt-issuer and --jwt-audience"],
  [{ jwtJwks: "j", jwtAudience: "a" }, "--jwt-jwks, --jwt-issuer and --jwt-audience"],
  [{ ...jwt, jwtJwks: "/none/jwks" }, "/none/jwks"],
  [{ credentials: "/none/credentials" }, "--credentials cannot be read"],
])("%j is refused: %s", async (settings, message) => {
  await expect(open("127.0.0.1", settings)).rejects.toThrow(message);
});
