/**
 * Builds the page of clients/web with the package that `npm pack` makes, and lets Chromium call servers from it:
 * `npm run test:web`. Over TLS, they do so with each HTTP/2 of the server, or with the one of `--http2`. Fails if a trial does.
 */
import { createHash, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Browser, chromium } from "playwright-core";
import { createCertificates } from "../support/certificates.ts";
import { http2Layers, readHttp2Layers } from "../support/http2-layers.ts";
import { messageOf } from "../support/message-of.ts";
import { serve } from "../support/processes.ts";
import { findChromium } from "../support/programs.ts";
import { buildPage } from "./build-page.ts";
import { RollcallPage } from "./rollcall-page.ts";
import { serveFiles } from "./serve-files.ts";
import { type Stage, trials } from "./trials.ts";

const { values } = parseArgs({ options: { http2: { type: "string", default: http2Layers.join(",") } } });
const layers = readHttp2Layers(values.http2);
const token = "a-token-of-the-page";

const directory = mkdtempSync(join(tmpdir(), "rollcall-web-"));
const toClose: (() => unknown)[] = [() => rmSync(directory, { recursive: true })];
let failed = 0;
try {
  const stage = await setStage();
  for (const { name, run } of trials) {
    const failure = await run(stage).then(() => undefined, messageOf);
    console.log(`${failure === undefined ? "ok" : "FAILED"}: ${name}`);
    if (failure === undefined) continue;
    failed++;
    console.log(failure);
  }
} catch (error) {
  console.log(messageOf(error));
  failed = trials.length;
} finally {
  for (const close of toClose.reverse()) await close();
}
console.log(`\n${trials.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

/** What is opened here is closed by `toClose`, in the reverse order. */
async function setStage(): Promise<Stage> {
  console.log("building the page");
  const files = await buildPage();
  const [page, other] = [await serveFiles(files), await serveFiles(files)];
  toClose.push(
    () => page.close(),
    () => other.close(),
  );

  const sha256 = createHash("sha256").update(token).digest("hex");
  const credentials = join(directory, "credentials.json");
  writeFileSync(
    credentials,
    JSON.stringify({ tokens: [{ name: "page", sha256, scopes: ["users.read", "users.write"] }] }),
  );
  const listed = ["--cors-origins", page.origin];
  const certificates = createCertificates();
  toClose.push(() => certificates.remove());
  const tls = [...listed, "--tls-cert", certificates.cert, "--tls-key", certificates.key];
  const [server, secured, closed, ...overTls] = await Promise.all([
    startServer("listed", listed),
    startServer("secured", [...listed, "--credentials", credentials]),
    startServer("closed", []),
    ...layers.map((http2) => startServer(http2, [...tls, "--http2", http2])),
  ]);
  const browser = await openBrowser(certificates.cert);
  return {
    page: await RollcallPage.open(browser, page.origin),
    otherPage: await RollcallPage.open(browser, other.origin),
    server: {
      url: server.url,
      stall: () => server.child.kill("SIGSTOP"),
      goOn: () => server.child.kill("SIGCONT"),
    },
    secured: { url: secured.url, token },
    closed: { url: closed.url },
    overTls: overTls.map(({ url }, at) => ({ name: `--http2 ${layers[at]}`, url })),
  };
}

async function startServer(name: string, args: readonly string[]) {
  const server = await serve(`sqlite:${join(directory, `${name}.db`)}`, args);
  toClose.push(() => server.stop());
  return server;
}

/** @param trusted a file with the certificate that it trusts */
async function openBrowser(trusted: string): Promise<Browser> {
  const executablePath = findChromium(process.env);
  if (executablePath === undefined) {
    throw new Error("Chromium is not there: node scripts/ensure-programs.ts chromium installs it");
  }
  // As root, as in a container, it has no sandbox.
  const key = new X509Certificate(readFileSync(trusted)).publicKey.export({ type: "spki", format: "der" });
  const pin = createHash("sha256").update(key).digest("base64");
  const args = [`--ignore-certificate-errors-spki-list=${pin}`];
  const browser = await chromium.launch({ executablePath, args, chromiumSandbox: process.getuid?.() !== 0 });
  toClose.push(() => browser.close());
  console.log(`Chromium ${browser.version()}`);
  return browser;
}
