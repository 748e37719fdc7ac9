import cluster from "node:cluster";
import { setFlagsFromString } from "node:v8";
import { Command } from "@commander-js/extra-typings";
import { addOptions } from "../../config/declare-options.ts";
import { type ServeSettings, serveOptions } from "../../config/options.ts";
import { describeStoreLocation } from "../../config/store-url.ts";
import { createLogger } from "../../telemetry/logger.ts";
import { CliError } from "../cli-error.ts";
import { print } from "../standard-streams.ts";

const help = `
Examples:
  rollcall serve
  rollcall serve --listen 127.0.0.1:8080 --store sqlite:/var/lib/rollcall/users.db
  rollcall serve --store redis://127.0.0.1:6379 --workers auto --metrics-listen 127.0.0.1:9464
  rollcall serve --listen 0.0.0.0:50051 --tls-cert cert.pem --tls-key key.pem --credentials credentials.json`;

export function serveCommand() {
  const command = new Command("serve").description(
    "run the service until SIGTERM, SIGINT or SIGHUP; a second signal stops it at once",
  );
  return addOptions(command, serveOptions).addHelpText("after", help).action(serve);
}

/**
 * V8 allocates objects among the old ones if many of their kind have outlived a collection, as those of open streams do. They
 * die soon after, and collecting them there takes several times as long.
 */
const v8Flags = "--no-allocation-site-pretenuring";

/** How long workers may take beyond the drain timeout to write their last answers and to close the store. */
const stopGraceMs = 5_000;

async function serve(options: ServeSettings): Promise<void> {
  const logger = createLogger(options.logLevel);
  const store = describeStoreLocation(options.store);
  const announce = (address: string) => {
    const url = `${options.tlsCert === undefined ? "http" : "https"}://${address}`;
    const example = JSON.stringify({ id: "u1", properties: { name: "Ada", email: "ada@example.com" } });
    void print(
      `Rollcall serves on ${url}, users in ${store}. Try: curl --json '${example}' ${url}/rollcall.v1.UserService/Identify`,
    );
    logger.info({ url, store, workers: options.workers, http2: options.http2 }, "started");
  };
  // Loaded only if used: the process that leads workers needs only one of these parts.
  if (options.workers > 1 && cluster.isPrimary) {
    if (options.store.kind === "sqlite") {
      throw new CliError(
        `--workers ${options.workers} needs a --store that processes can share, which SQLite is not: use Redis, or one worker`,
      );
    }
    const { leadWorkers } = await import("./workers.ts");
    const stopTimeoutMs = options.drainTimeout * 1_000 + stopGraceMs;
    await leadWorkers({
      count: options.workers,
      logger,
      metricsListen: options.metricsListen,
      announce,
      stopTimeoutMs,
    });
    return;
  }
  setFlagsFromString(v8Flags);
  const { serveHere } = await import("./process.ts");
  await serveHere(options, logger, announce);
}
