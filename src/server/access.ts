/** Who may call the service: TLS, credentials, and `--insecure` to serve without them. */

import { accessSync, constants } from "node:fs";
import type { SecureContextOptions } from "node:tls";
import { type Address, formatAddress } from "../config/address.ts";
import type { CorsOrigins } from "../config/cors-origins.ts";
import type { SomeValuesOf } from "../config/declare-options.ts";
import { isLoopback } from "../config/loopback.ts";
import type { accessOptions } from "../config/options.ts";
import type { Authenticator } from "../credentials/authenticator.ts";
import type { WriteOnlyAnswers } from "../rpc/disclosure.ts";
import type { Logger } from "../telemetry/logger.ts";
import { type TlsContext, watchedTlsContext } from "../transport/tls.ts";
import type { TlsOptions } from "../transport/tls-server.ts";

export type AccessSettings = SomeValuesOf<typeof accessOptions>;

function checkAccess(listen: Address, settings: AccessSettings): void {
  const { tlsCert, tlsKey, tlsClientCa, jwtJwks, jwtIssuer, jwtAudience } = settings;
  if ((tlsCert === undefined) !== (tlsKey === undefined))
    throw new Error("--tls-cert and --tls-key are given together");
  if (tlsClientCa !== undefined && tlsCert === undefined) throw new Error("--tls-client-ca needs --tls-cert");
  const jwt = [jwtJwks, jwtIssuer, jwtAudience].filter((setting) => setting !== undefined);
  if (jwt.length > 0 && jwt.length < 3) {
    throw new Error("--jwt-jwks, --jwt-issuer and --jwt-audience are given together");
  }
  if (!isLoopback(listen.host) && !asksForCredentials(settings) && settings.insecure !== true) {
    throw new Error(
      `--listen ${formatAddress(listen)} is open to other machines, which could read and change users: ` +
        "ask for credentials (--credentials or --jwt-jwks), or allow it with --insecure",
    );
  }
}

/** @throws Error that names the option of a file that cannot be read */
function checkFiles({ tlsCert, tlsKey, tlsClientCa, credentials }: AccessSettings): void {
  for (const [option, path] of Object.entries({
    "--tls-cert": tlsCert,
    "--tls-key": tlsKey,
    "--tls-client-ca": tlsClientCa,
    "--credentials": credentials,
  })) {
    if (path === undefined) continue;
    try {
      accessSync(path, constants.R_OK);
    } catch (error) {
      throw new Error(`${option} cannot be read: ${error instanceof Error ? error.message : error}`);
    }
  }
}

function asksForCredentials({ credentials, jwtJwks }: AccessSettings): boolean {
  return credentials !== undefined || jwtJwks !== undefined;
}

/** Settings that work but may be unsafe, one line each. */
function accessWarnings(listen: Address, settings: AccessSettings): string[] {
  if (isLoopback(listen.host)) {
    return settings.corsOrigins === "*" && !asksForCredentials(settings)
      ? ["any web page open on this machine can read and change users (--cors-origins)"]
      : [];
  }
  if (!asksForCredentials(settings)) return ["anyone who reaches the service can read and change users (--insecure)"];
  return settings.tlsCert === undefined
    ? ["tokens and users travel unencrypted; use --tls-cert, or a proxy with TLS"]
    : [];
}

/** The settings in use while the service runs. */
export interface Access {
  /** Undefined if the server asks for no credentials. */
  readonly authenticator: Authenticator | undefined;
  /** Undefined without TLS. */
  readonly tls: TlsOptions | undefined;
  readonly corsOrigins: CorsOrigins;
  readonly writeOnlyAnswers: WriteOnlyAnswers;
  /** @param onChange called with the context for new connections, at once and after each change */
  followTls(onChange: (context: SecureContextOptions) => void): void;
  close(): void;
}

/** @throws Error that names the option or the file if the settings cannot be used or are unsafe */
export async function openAccess(listen: Address, settings: AccessSettings, logger: Logger): Promise<Access> {
  checkAccess(listen, settings);
  checkFiles(settings);
  for (const warning of accessWarnings(listen, settings)) logger.warn(warning);
  const { writeOnlyAnswers = "applied" } = settings;
  if (writeOnlyAnswers === "legacy" && asksForCredentials(settings)) {
    logger.warn("callers with only the scope users.write can find out what is stored (--write-only-answers legacy)");
  }
  let notify: (context: SecureContextOptions) => void = () => {};
  const tls = openTls(settings, logger, (context) => notify(context));
  try {
    const authenticator = await openAuthenticator(settings, logger);
    return {
      authenticator,
      tls: tls && {
        context: tls.current,
        clientCertificates: settings.tlsClientCa === undefined ? "none" : (settings.tlsClientCerts ?? "require"),
      },
      corsOrigins: settings.corsOrigins ?? [],
      writeOnlyAnswers,
      followTls(onChange) {
        notify = onChange;
        // The files may have changed since they were opened.
        if (tls !== undefined) onChange(tls.current);
      },
      close() {
        authenticator?.close();
        tls?.close();
      },
    };
  } catch (error) {
    tls?.close();
    throw error;
  }
}

async function openAuthenticator(settings: AccessSettings, logger: Logger): Promise<Authenticator | undefined> {
  if (!asksForCredentials(settings)) return undefined;
  const { credentials, jwtJwks, jwtIssuer = "", jwtAudience = "", jwtScopeClaim = "scope" } = settings;
  const jwt = { jwks: jwtJwks ?? "", issuer: jwtIssuer, audience: jwtAudience, scopeClaim: jwtScopeClaim };
  // Loaded only by servers that use it.
  const { createAuthenticator } = await import("../credentials/authenticator.ts");
  return createAuthenticator({
    file: credentials,
    certificatesAreVerified: settings.tlsClientCa !== undefined,
    jwt: jwtJwks === undefined ? undefined : jwt,
    onError: ({ message }) =>
      logger.error({ reason: message }, "changed credentials cannot be used; the previous ones stay in use"),
    onReload: () => logger.info({ file: credentials }, "credentials were read again"),
    onNobody: () =>
      logger.warn({ file: credentials }, "the credentials file has no entries; only JSON Web Tokens are accepted"),
  });
}

function openTls(
  { tlsCert, tlsKey, tlsClientCa }: AccessSettings,
  logger: Logger,
  onChange: (context: SecureContextOptions) => void,
): TlsContext | undefined {
  if (tlsCert === undefined || tlsKey === undefined) return undefined;
  return watchedTlsContext(
    { cert: tlsCert, key: tlsKey, clientCa: tlsClientCa },
    (context) => {
      logger.info({ file: tlsCert }, "certificates were read again");
      onChange(context);
    },
    ({ message }) =>
      logger.error({ reason: message }, "changed certificates cannot be used; the previous ones stay in use"),
  );
}
