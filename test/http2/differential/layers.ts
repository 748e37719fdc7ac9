/** Both layers with the same handler, each on a port of its own. */
import { parseTrustedProxies } from "../../../src/config/trusted-proxies.ts";
import { type Listener, listen } from "../../../src/transport/listener.ts";
import { type ServedExchanges, serveExchanges } from "./handler.ts";

export interface Layer {
  readonly listener: Listener;
  readonly served: ServedExchanges;
}

export async function startLayer(http2: "own" | "node"): Promise<Layer> {
  const served = serveExchanges();
  // Clients here do harm, and the next connection from their address does not wait.
  const trustedProxies = parseTrustedProxies("127.0.0.0/8");
  const listener = await listen({ host: "127.0.0.1", port: 0, http2, trustedProxies, handler: served.handler });
  return { listener, served };
}
