/**
 * A server in this process, on a free port of 127.0.0.1, over a store of its own. All that it logs, measures and traces is
 * searched for personal data.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import type { ServerLimits } from "../../src/config/server-limits.ts";
import { parseStoreLocation } from "../../src/config/store-url.ts";
import type { AccessSettings } from "../../src/server/access.ts";
import type { RedisSettings } from "../../src/server/open-store.ts";
import { type RunningServer, type ServerOptions, startServer } from "../../src/server/server.ts";
import { formatMetrics } from "../../src/telemetry/prometheus.ts";
import { openHeardTelemetry } from "./heard-telemetry.ts";
import { listenTo } from "./personal-data.ts";

/** Which HTTP/2 the servers of tests have: of this process, and those that it starts. */
export const http2 = process.env["ROLLCALL_HTTP2"] === "node" ? "node" : "own";

export interface TestServer {
  readonly port: number;
  /** `http://127.0.0.1:port` */
  readonly url: string;
  /** Every line that the server has logged, at every level. */
  readonly logs: readonly Record<string, unknown>[];
  /** What it has measured so far, as Prometheus reads it. */
  metrics(): Promise<string>;
  /** One of them, by its name and labels; undefined where it has never been counted. */
  metric(sample: string): Promise<number | undefined>;
  readonly drain: RunningServer["drain"];
  stop(): Promise<void>;
}

export interface TestServerOptions {
  /** As `--store` takes it. Default: a fresh SQLite file. */
  readonly store?: string;
  readonly access?: AccessSettings & Pick<ServerOptions, "reflection">;
  readonly redis?: RedisSettings;
  /** Default: name and email. */
  readonly requiredProperties?: readonly string[];
  /** As `--indexes` names them. */
  readonly indexes?: ServerOptions["indexes"];
  readonly drainTimeoutMs?: number;
  /** Default: a free one. */
  readonly port?: number;
  readonly limits?: Partial<ServerLimits>;
  /** Default: that of all servers of tests. */
  readonly http2?: "own" | "node";
}

export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const directory = mkdtempSync(join(tmpdir(), "rollcall-server-"));
  const logs: Record<string, unknown>[] = [];
  const told = listenTo("a server of this process");
  const telemetry = openHeardTelemetry(told);
  const write = (line: string) => {
    told(line);
    logs.push(JSON.parse(line));
  };
  const logger = pino({ level: "trace" }, { write });
  const server = await startServer({
    listen: { host: "127.0.0.1", port: options.port ?? 0 },
    store: parseStoreLocation(options.store ?? `sqlite:${join(directory, "users.db")}`),
    ...options.redis,
    ...options.access,
    requiredProperties: options.requiredProperties ?? ["name", "email"],
    indexes: options.indexes,
    drainTimeoutMs: options.drainTimeoutMs ?? 5_000,
    limits: options.limits,
    http2: options.http2 ?? http2,
    telemetry,
    logger,
  });
  const { port } = server.address;
  let drained: Promise<void> | undefined;
  const drain = () => {
    drained ??= server.drain();
    return drained;
  };
  const metrics = async () => formatMetrics(new Map([["", (await telemetry.pull?.()) ?? []]]));
  return {
    port,
    url: `${options.access?.tlsCert === undefined ? "http" : "https"}://127.0.0.1:${port}`,
    logs,
    metrics,
    async metric(sample) {
      const line = (await metrics()).split("\n").find((each) => each.startsWith(`${sample} `));
      return line === undefined ? undefined : Number(line.slice(sample.length));
    },
    drain,
    async stop() {
      await drain();
      await telemetry.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Properties of a user that may be created. */
export const ada = { name: "Ada", email: "ada@example.com" } as const;
