/** The server's certificate, and the authority of its clients' certificates, from files that may change. */
import { constants, createPrivateKey, X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import { checkPem } from "../config/pem.ts";
import { pollMs, type WatchedFile, watchedFile } from "../config/watched-file.ts";

/** How long one file may differ from the other, as while both are replaced: until both have been looked at again. */
const patienceMs = 2 * pollMs;

export interface TlsFiles {
  /** The server's certificate and the intermediate ones, in PEM. */
  readonly cert: string;
  readonly key: string;
  /** The authority that signs the certificates of clients, in PEM; without it, the server asks for none. */
  readonly clientCa: string | undefined;
}

export interface TlsContext {
  readonly current: SecureContextOptions;
  close(): void;
}

/**
 * A context from files, renewed when they change.
 *
 * @param onChange called with a new context; files that do not fit together change nothing
 * @param onError called for files that cannot be used, or still do not fit together after a while
 * @throws Error naming the files and the problem
 */
export function watchedTlsContext(
  files: TlsFiles,
  onChange: (context: SecureContextOptions) => void,
  onError: (error: Error) => void,
): TlsContext {
  const watched: Partial<Record<"cert" | "key" | "ca", WatchedFile<Buffer>>> = {};
  const contextOfFiles = (): SecureContextOptions => {
    const { cert, key, ca } = watched;
    const context: SecureContextOptions = {
      cert: cert?.content,
      key: key?.content,
      ca: ca?.content,
      minVersion: "TLSv1.2",
      // HTTP/2 forbids it: RFC 9113, section 9.2.1.
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    };
    try {
      createSecureContext(context);
      // OpenSSL compares the two only if both are of one type.
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
      // One file changes before the other.
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
