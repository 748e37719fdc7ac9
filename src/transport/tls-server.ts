/** TLS on connections that another server has accepted. */
import type { Socket } from "node:net";
import {
  createServer as createTlsServer,
  type SecureContextOptions,
  type TLSSocket,
  type Server as TlsServer,
} from "node:tls";

export interface TlsOptions {
  readonly context: SecureContextOptions;
  /** Whether callers are asked for a certificate, and refused without one. */
  readonly clientCertificates: "none" | "request" | "require";
}

/** @param accepted the connection under it, where TLS is spoken */
export type Serve = (socket: Socket, version: "1.1" | "2", accepted?: Socket) => void;

/**
 * Both protocols by ALPN: https://www.rfc-editor.org/rfc/rfc7301. It takes no connections itself: it is given them as the
 * event.
 */
export function createTlsServerOf(
  { context, clientCertificates }: TlsOptions,
  handshakeTimeout: number,
  serve: Serve,
  onFailure: (reason: "timeout" | "tls") => void,
): TlsServer {
  /** Those that have not agreed on TLS yet, by their other end. */
  const accepted = new Map<string, Socket>();
  const otherEnd = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress} ${remotePort}`;
  const server = createTlsServer(
    {
      ...context,
      ALPNProtocols: ["h2", "http/1.1"],
      requestCert: clientCertificates !== "none",
      rejectUnauthorized: clientCertificates === "require",
      handshakeTimeout,
    },
    (socket) => serve(socket, socket.alpnProtocol === "h2" ? "2" : "1.1", accepted.get(otherEnd(socket))),
  );
  server.on("connection", (socket) => {
    const key = otherEnd(socket);
    accepted.set(key, socket);
    socket.once("close", () => accepted.delete(key));
  });
  // With whom there is no agreement, there is nothing to talk about.
  server.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => {
    if (error.code === "ERR_TLS_HANDSHAKE_TIMEOUT") onFailure("timeout");
    else if (hasDisagreed(error, socket)) onFailure("tls");
    socket.destroy();
  });
  return server;
}

/** Clear text, another version, a certificate that one side does not accept; a caller who just goes away is none of these. */
function hasDisagreed({ code = "" }: NodeJS.ErrnoException, socket: TLSSocket): boolean {
  // Of a caller's certificate that is not accepted, Node says that the connection was reset, and here why.
  const refused: unknown = socket.authorizationError;
  return code.startsWith("ERR_SSL_") || (refused !== null && refused !== undefined);
}
