/** Tries the examples with TLS, tokens and retries. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createCertificates } from "../support/certificates.ts";
import type { Http2Layer } from "../support/http2-layers.ts";
import { messageOf } from "../support/message-of.ts";
import { rollcall, type ServeProcess, serve } from "../support/processes.ts";
import type { Trial } from "./hold-client.ts";
import type { Language } from "./languages.ts";
import { startRefusingProxy } from "./refusing-proxy.ts";
import { runCommand } from "./run-command.ts";

type Tried = Pick<Trial, "what" | "why">;

const timeoutMs = 60_000;

/** Runs the example against servers of its own. */
export async function tryExample(language: Language, http2: Http2Layer): Promise<readonly Trial[]> {
  const directory = mkdtempSync(join(tmpdir(), "rollcall-example-"));
  try {
    const setting = `SQLite, ${http2}`;
    return [...(await trySecured(language, http2, directory)), await tryAgain(language, http2, directory)].map(
      ({ what, why }): Trial => ({ what, setting, kind: "example", why }),
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Over TLS, with a certificate of a private authority, and with tokens. */
async function trySecured(language: Language, http2: Http2Layer, directory: string): Promise<readonly Tried[]> {
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
      ...["--credentials", credentials, "--http2", http2],
    ]);
    const withToken = await runExample(language, server.url, { ROLLCALL_CA, ROLLCALL_TOKEN: token });
    const withAnother = await runExample(language, server.url, { ROLLCALL_CA, ROLLCALL_TOKEN: "another" });
    const distrustful = await runExample(language, server.url, { ROLLCALL_TOKEN: token });
    return [
      tried("the example over TLS with a token", withToken),
      tried("the example with an unknown token", whyNotRefused(withAnother)),
      tried("the example without the authority of the server's certificate", whyNotDistrusted(distrustful)),
    ];
  } finally {
    await server?.stop();
    certificates.remove();
  }
}

async function tryAgain(language: Language, http2: Http2Layer, directory: string): Promise<Tried> {
  const server = await serve(`sqlite:${join(directory, "again.db")}`, ["--http2", http2]);
  const proxy = await startRefusingProxy(server.url);
  try {
    const failure = await runExample(language, proxy.url);
    const given = proxy.refused.filter((method) => !proxy.answered.has(method));
    const notAgain = given.length > 0 ? `not repeated: ${given.join(", ")}` : undefined;
    const nothing = proxy.refused.length === 0 ? "nothing was refused" : undefined;
    return tried("the example whose first call of each method finds no server", failure ?? notAgain ?? nothing);
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

function tried(what: string, why: string | undefined): Tried {
  return { what, why };
}
