import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** A proxy on 127.0.0.1 that now and then takes an answer for itself and cuts the connection: what was asked is done. */
export interface CuttingProxy {
  readonly port: number;
  /** How often it has cut. */
  readonly cuts: number;
  stop(): Promise<void>;
}

/**
 * @param target the port on 127.0.0.1 to which it leads
 * @param cutsNow asked for each piece of an answer; what follows waits until it has said
 */
export async function startCuttingProxy(
  target: number,
  cutsNow: () => boolean | Promise<boolean>,
): Promise<CuttingProxy> {
  const sockets = new Set<Socket>();
  let cuts = 0;
  const server = createServer((inner) => {
    const outer = connect({ port: target, host: "127.0.0.1", noDelay: true });
    inner.setNoDelay(true);
    const end = () => {
      for (const socket of [inner, outer]) {
        sockets.delete(socket);
        socket.destroy();
      }
    };
    for (const socket of [inner, outer]) sockets.add(socket.on("error", end).on("close", end));
    inner.pipe(outer);
    outer.on("data", async (piece) => {
      outer.pause();
      if (await cutsNow()) {
        cuts++;
        end();
      } else {
        inner.write(piece);
        outer.resume();
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  return {
    port: address.port,
    get cuts() {
      return cuts;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
