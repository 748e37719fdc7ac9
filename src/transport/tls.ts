/** What the port shows of itself over TLS, and asks of those who connect. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import { checkPem } from "../config/pem.ts";
import { pollMs, type WatchedFile, watchedFile } from "../config/watched-file.ts";

/** Where one file has changed and does not fit the other yet: until that has been looked at once more, and read. */
const patienceMs = 2 * pollMs;

export interface TlsFiles {
  /** The server's certificate, with those in between it and its authority, in PEM. */
  readonly cert: string;
  readonly key: string;
  /** Who signs the certificates of callers, in PEM; without it, callers are not asked for one. */
  readonly clientCa: string | undefined;
}

export interface TlsContext {
  readonly current: SecureContextOptions;
  close(): void;
}

/**
 * A context made of files, and made anew when they change.
 *
 * @param onChange called with a new context; a set of files that do not belong together changes nothing
 * @param onError called where files cannot be used, and where they still do not belong together after a while
 * @throws Error that names what is wrong
 */
export function watchedTlsContext(
  files: TlsFiles,
  onChange: (context: SecureContextOptions) => void,
  onError: (error: Error) => void,
): TlsContext {
  const watched: Partial<Record<"cert" | "key" | "ca", WatchedFile<Buffer>>> = {};
  const contextOfFiles = (): SecureContextOptions => {
    const { cert, key, ca } = watched;
    const context = { cert: cert?.content, key: key?.content, ca: ca?.content, minVersion: "TLSv1.2" } as const;
    try {
      createSecureContext(context);
      // OpenSSL compares the two only where both are of one type.
      const fits = cert !== undefined && key !== undefined && isKeyOf(key.content, cert.content);
      if (!fits) throw new Error("the key is not the certificate's");
    } catch (error) {
      throw new Error(`${files.cert} and ${files.key}: ${error instanceof Error ? error.message : error}`);
    }
    return context;
  };
  let complaint: NodeJS.Timeout | undefined;
  const close = () => {
    clearTimeout(complaint);
    for (const file of Object.values(watched)) file.close();
  };
  let current: SecureContextOptions;
  const reload = () => {
    clearTimeout(complaint);
    try {
      current = contextOfFiles();
      onChange(current);
    } catch (error) {
      // One of them changes before the other: what does not fit yet will.
      const failure = error instanceof Error ? error : new Error(String(error));
      complaint = setTimeout(() => onError(failure), patienceMs).unref();
    }
  };
  try {
    const watch = (path: string) => watchedFile({ path, parse: checkPem, onChange: reload, onError });
    watched.cert = watch(files.cert);
    watched.key = watch(files.key);
    if (files.clientCa !== undefined) watched.ca = watch(files.clientCa);
    current = contextOfFiles();
  } catch (error) {
    close();
    throw error;
  }
  return {
    get current() {
      return current;
    },
    close,
  };
}

/** @param certificate the first of them is the server's own */
function isKeyOf(key: Buffer, certificate: Buffer): boolean {
  return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
}
