import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { certificateNames } from "./certificate-names.ts";
import type { ShownNames } from "./principal.ts";

const shown = new WeakMap<Socket, ShownNames | undefined>();

/** The names in the client certificate of a connection; undefined without a verified one. */
export function namesShownBy(socket: Socket): ShownNames | undefined {
  if (shown.has(socket)) return shown.get(socket);
  const certificate = socket instanceof TLSSocket && socket.authorized ? socket.getPeerX509Certificate() : undefined;
  const names = certificate && {
    ...certificateNames(certificate.subjectAltName),
    expiresAt: certificate.validToDate.getTime(),
  };
  shown.set(socket, names);
  return names;
}
