/** Proxies between a client and a server, which speak HTTP/2 to both: nginx and HAProxy. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../../support/until.ts";

export interface Proxy {
  /** In clear text. */
  readonly url: string;
  stop(): Promise<void>;
}

export type ProxyKind = "nginx" | "haproxy";

interface Route {
  /** Where it listens. */
  readonly port: number;
  /** Host and port of the server. */
  readonly server: string;
  /** The authorities of the server's certificate; undefined for clear text. */
  readonly ca: string | undefined;
  /** For its files. */
  readonly directory: string;
}

const kinds: Readonly<Record<ProxyKind, { config(route: Route): string; args(config: string): readonly string[] }>> = {
  nginx: {
    config: ({ port, server, ca, directory }) => `
daemon off;
worker_processes 1;
pid ${directory}/nginx.pid;
error_log stderr;
${process.getuid?.() === 0 ? "user root;" : ""}
events {}
http {
  access_log off;
  client_max_body_size 0;
  ${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${directory}/${name};`).join(" ")}
  upstream rollcall { server ${server}; keepalive 16; }
  server {
    listen 127.0.0.1:${port} http2;
    location / {
      grpc_pass ${ca === undefined ? "grpc" : "grpcs"}://rollcall;
      ${ca === undefined ? "" : `grpc_ssl_trusted_certificate ${ca}; grpc_ssl_verify on; grpc_ssl_name 127.0.0.1;`}
    }
  }
}
`,
    args: (config) => ["-c", config, "-e", "stderr"],
  },
  haproxy: {
    config: ({ port, server, ca }) => `
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend clients
  bind 127.0.0.1:${port} proto h2
  default_backend rollcall
backend rollcall
  server one ${server} ${ca === undefined ? "proto h2" : `ssl verify required ca-file ${ca} alpn h2`}
`,
    args: (config) => ["-db", "-f", config],
  },
};

/**
 * Starts a proxy on a free port of 127.0.0.1.
 *
 * @param server the URL of the server
 * @throws Error with its output, if it does not start
 */
export async function startProxy(kind: ProxyKind, server: string, ca: string | undefined): Promise<Proxy> {
  const directory = mkdtempSync(join(tmpdir(), `rollcall-${kind}-`));
  const port = await freePort();
  const { config, args } = kinds[kind];
  const file = join(directory, "proxy.conf");
  writeFileSync(file, config({ port, server: new URL(server).host, ca, directory }));
  const child = spawn(kind, args(file), { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (piece: string) => {
      output += piece;
    });
  }
  let failure: unknown;
  child.on("error", (error) => {
    failure = error;
  });
  const hasEnded = () => failure !== undefined || child.exitCode !== null || child.signalCode !== null;
  const stop = async () => {
    if (!hasEnded()) {
      child.kill("SIGTERM");
      await once(child, "close");
    }
    rmSync(directory, { recursive: true });
  };
  await until(async () => hasEnded() || (await accepts(port)));
  if (hasEnded()) {
    await stop();
    throw new Error(`${kind} does not start: ${failure ?? output}`);
  }
  return { url: `http://127.0.0.1:${port}`, stop };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port is free");
  return address.port;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const tell = (isOpen: boolean) => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.on("connect", () => tell(true)).on("error", () => tell(false));
  });
}
