/** What the port shows of itself over TLS, and asks of those who connect. */
import { createSecureContext, type SecureContextOptions } from "node:tls";
import { type WatchedFile, watchedFile } from "../config/watched-file.ts";

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
    } catch (error) {
      throw new Error(`${files.cert} and ${files.key}: ${error instanceof Error ? error.message : error}`);
    }
    return context;
  };
  const close = () => {
    for (const file of Object.values(watched)) file.close();
  };
  let current: SecureContextOptions;
  // One of them changes before the other: what does not fit yet will.
  const reload = () => {
    try {
      current = contextOfFiles();
      onChange(current);
    } catch (error) {
      onError(error instanceof Error ? error : new Error(String(error)));
    }
  };
  try {
    const watch = (path: string) => watchedFile({ path, parse: pem, onChange: reload, onError });
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

function pem(content: Buffer): Buffer {
  if (!content.includes("-----BEGIN ")) throw new Error("is not in PEM");
  return content;
}
