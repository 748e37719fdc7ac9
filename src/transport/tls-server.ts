/** TLS on connections that another server has accepted. */
import type { Socket } from "node:net";
import { createServer, type SecureContextOptions, type Server, type TLSSocket } from "node:tls";

export interface TlsOptions {
  readonly context: SecureContextOptions;
  /** Whether the server asks clients for a certificate, and refuses those without one. */
  readonly clientCertificates: "none" | "request" | "require";
}

export type Serve = (socket: Socket, version: "1.1" | "2") => void;

/**
 * Serves both protocols by ALPN: https://www.rfc-editor.org/rfc/rfc7301. The server does not listen: it gets connections as its
 * `connection` event.
 */
export function createTlsServer(
  { context, clientCertificates }: TlsOptions,
  handshakeTimeout: number,
  serve: Serve,
  onFailure: (reason: "timeout" | "tls") => void,
): Server {
  const server = createServer(
    {
      ...context,
      ALPNProtocols: ["h2", "http/1.1"],
      requestCert: clientCertificates !== "none",
      rejectUnauthorized: clientCertificates === "require",
      handshakeTimeout,
    },
    (socket) => serve(socket, socket.alpnProtocol === "h2" ? "2" : "1.1"),
  );
  server.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => {
    if (error.code === "ERR_TLS_HANDSHAKE_TIMEOUT") onFailure("timeout");
    else if (hasDisagreed(error, socket)) onFailure("tls");
    socket.destroy();
  });
  return server;
}

/** True for clear text, another version, or a certificate that one side refuses; false for a client that just goes away. */
function hasDisagreed({ code = "" }: NodeJS.ErrnoException, socket: TLSSocket): boolean {
  // For a client's certificate that is refused, the error says that the connection was reset; the reason is here.
  const refused: unknown = socket.authorizationError;
  return code.startsWith("ERR_SSL_") || (refused !== null && refused !== undefined);
}
