/** Serves metrics and probes on a port of their own, without credentials. They reveal nothing about users. */

import { createServer, type ServerResponse } from "node:http";
import { type Address, formatAddress } from "../config/address.ts";
import { formatMetrics, type PulledMetrics } from "./prometheus.ts";

export interface Watched {
  /** The metrics of each process, by its name. */
  readonly metrics: () => Promise<ReadonlyMap<string, PulledMetrics>>;
  /** Whether every serving process still responds. */
  readonly alive: () => Promise<boolean>;
  /** Whether calls are served, as grpc.health.v1 reports for the whole server. */
  readonly ready: () => Promise<boolean>;
}

/**
 * Serves `/metrics` for Prometheus and, for probes, `/healthz` (alive) and `/readyz` (ready): 200 if so, 503 if not.
 *
 * @param onError called with the reason when a page cannot be made
 * @throws Error that names the address if it is not free
 */
export async function serveMetrics(
  { host, port }: Address,
  watched: Watched,
  onError: (error: unknown) => void,
): Promise<{ readonly address: Address; close(): void }> {
  const pages = new Map([
    ["/metrics", async (response: ServerResponse) => answerMetrics(response, await watched.metrics())],
    ["/healthz", async (response: ServerResponse) => answerProbe(response, await watched.alive())],
    ["/readyz", async (response: ServerResponse) => answerProbe(response, await watched.ready())],
  ]);
  const server = createServer((request, response) => {
    const page = pages.get(request.url?.split("?", 1)[0] ?? "");
    if (page === undefined || (request.method !== "GET" && request.method !== "HEAD")) {
      answer(response, 404, `not found; the pages are ${[...pages.keys()].join(", ")}\n`);
      return;
    }
    page(response).catch((error: unknown) => {
      onError(error);
      answer(response, 500, "failed; see the log\n");
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.on("error", (error) =>
      reject(new Error(`cannot listen on ${formatAddress({ host, port })}: ${error.message}`)),
    );
    server.listen(port, host, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the metrics have no port");
  return {
    address: { host, port: address.port },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function answerMetrics(response: ServerResponse, metrics: ReadonlyMap<string, PulledMetrics>): void {
  answer(response, 200, formatMetrics(metrics), "text/plain; version=0.0.4; charset=utf-8");
}

function answerProbe(response: ServerResponse, yes: boolean): void {
  answer(response, yes ? 200 : 503, yes ? "yes\n" : "no\n");
}

function answer(response: ServerResponse, status: number, text: string, contentType = "text/plain"): void {
  response.writeHead(status, { "content-type": contentType }).end(text);
}
