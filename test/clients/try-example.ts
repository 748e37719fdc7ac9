/** Tries the examples with TLS, tokens and retries. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createCertificates } from "../support/certificates.ts";
import { messageOf } from "../support/message-of.ts";
import { rollcall, type ServeProcess, serve } from "../support/processes.ts";
import type { Trial } from "./hold-client.ts";
import type { Language } from "./languages.ts";
import { startRefusingProxy } from "./refusing-proxy.ts";
import { runCommand } from "./run-command.ts";

const timeoutMs = 60_000;

/** Runs the example against servers of its own. */
export async function tryExample(language: Language): Promise<readonly Trial[]> {
  const directory = mkdtempSync(join(tmpdir(), "rollcall-example-"));
  try {
    return [...(await trySecured(language, directory)), await tryAgain(language, directory)];
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Over TLS, with a certificate of a private authority, and with tokens. */
async function trySecured(language: Language, directory: string): Promise<readonly Trial[]> {
  const { entry, token } = JSON.parse(
    (await rollcall(["token", "example", "--scopes", "users.read,users.write"])).stdout,
  );
  const credentials = join(directory, "credentials.json");
  writeFileSync(credentials, JSON.stringify({ tokens: [entry] }));
  const certificates = createCertificates();
  const ROLLCALL_CA = certificates.ca;
  let server: ServeProcess | undefined;
  try {
    server = await serve(`sqlite:${join(directory, "secured.db")}`, [
      ...["--tls-cert", certificates.cert, "--tls-key", certificates.key],
      ...["--credentials", credentials],
    ]);
    const withToken = await runExample(language, server.url, { ROLLCALL_CA, ROLLCALL_TOKEN: token });
    const withAnother = await runExample(language, server.url, { ROLLCALL_CA, ROLLCALL_TOKEN: "another" });
    const distrustful = await runExample(language, server.url, { ROLLCALL_TOKEN: token });
    return [
      trial("the example over TLS with a token", withToken),
      trial("the example with an unknown token", whyNotRefused(withAnother)),
      trial("the example without the authority of the server's certificate", whyNotDistrusted(distrustful)),
    ];
  } finally {
    await server?.stop();
    certificates.remove();
  }
}

async function tryAgain(language: Language, directory: string): Promise<Trial> {
  const server = await serve(`sqlite:${join(directory, "again.db")}`);
  const proxy = await startRefusingProxy(server.url);
  try {
    const failure = await runExample(language, proxy.url);
    const given = proxy.refused.filter((method) => !proxy.answered.has(method));
    const notAgain = given.length > 0 ? `not repeated: ${given.join(", ")}` : undefined;
    const nothing = proxy.refused.length === 0 ? "nothing was refused" : undefined;
    return trial("the example whose first call of each method finds no server", failure ?? notAgain ?? nothing);
  } finally {
    await proxy.stop();
    await server.stop();
  }
}

/** @returns the reason of a failure, with the end of the output; undefined on success */
export async function runExample(
  { example, folder }: Language,
  url: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string | undefined> {
  const command = { ...example, args: [...example.args, "--server", url] };
  return runCommand(command, { folder, timeoutMs, env }).then(() => undefined, messageOf);
}

function whyNotRefused(failure: string | undefined): string | undefined {
  return failure?.includes("CREDENTIALS_INVALID") === true ? undefined : `the server accepted it: ${failure}`;
}

function whyNotDistrusted(failure: string | undefined): string | undefined {
  return failure !== undefined && /certificat/i.test(failure) ? undefined : `the client trusted the server: ${failure}`;
}

function trial(what: string, why: string | undefined): Trial {
  return { what, store: "SQLite", kind: "example", why };
}
