/** Every option, declared once: its flag, its environment variable, its default and what values it takes. */
import { availableParallelism } from "node:os";
import { CommanderError, InvalidArgumentError, Option } from "commander";
import { logLevels } from "../telemetry/log-levels.ts";
import { limits } from "../users/limits.ts";
import { parseCorsOrigins } from "./cors-origins.ts";
import { defaultServerLimits } from "./server-limits.ts";
import { parseStoreLocation } from "./store-url.ts";

export interface Address {
  readonly host: string;
  readonly port: number;
}

const maxWorkers = 256;

/** Options of `rollcall serve`. */
export const serveOptions = {
  listen: () =>
    new Option("--listen <host:port>", "where to listen; port 0 takes a free one")
      .env("ROLLCALL_LISTEN")
      .default(parseAddress("127.0.0.1:50051"), "127.0.0.1:50051")
      .argParser(checked(parseAddress)),
  store: () =>
    new Option(
      "--store <url>",
      "where users are kept: sqlite:PATH, redis://HOST:PORT/DATABASE, redis+cluster://HOST:PORT,… or " +
        "redis+sentinel://HOST:PORT,…/NAME; with USER:PASSWORD@ before the hosts, rediss for TLS",
    )
      .env("ROLLCALL_STORE")
      .default(parseStoreLocation("sqlite:data/rollcall.db"), "sqlite:data/rollcall.db")
      .argParser(secret("--store", "ROLLCALL_STORE", parseStoreLocation)),
  workers: () =>
    new Option(
      "--workers <count>",
      "processes that share the port; auto for one on each core; more than one needs Redis",
    )
      .env("ROLLCALL_WORKERS")
      .default(1)
      .argParser(checked(parseWorkers)),
  redisKeyPrefix: () =>
    new Option("--redis-key-prefix <text>", "what every key in Redis begins with")
      .env("ROLLCALL_REDIS_KEY_PREFIX")
      .default("rollcall:")
      .argParser(checked(parseKeyPrefix)),
  redisWaitReplicas: () =>
    new Option("--redis-wait-replicas <count>", "answer a write once as many replicas have it; docs/durability.md")
      .env("ROLLCALL_REDIS_WAIT_REPLICAS")
      .default(0)
      .argParser(checked(parseReplicas)),
  redisCa: () =>
    new Option("--redis-ca <file>", "who signs Redis' certificate, in PEM, in place of the system's authorities").env(
      "ROLLCALL_REDIS_CA",
    ),
  redisCert: () =>
    new Option("--redis-cert <file>", "the certificate to show to Redis, in PEM; with --redis-key").env(
      "ROLLCALL_REDIS_CERT",
    ),
  redisKey: () => new Option("--redis-key <file>", "the key of --redis-cert, in PEM").env("ROLLCALL_REDIS_KEY"),
  redisSentinelUsername: () =>
    new Option("--redis-sentinel-username <name>", "who to be to the Sentinels").env(
      "ROLLCALL_REDIS_SENTINEL_USERNAME",
    ),
  redisSentinelPassword: () =>
    new Option(
      "--redis-sentinel-password <text>",
      "the Sentinels' password; better set as a variable, which a list of processes does not show",
    ).env("ROLLCALL_REDIS_SENTINEL_PASSWORD"),
  tlsCert: () =>
    new Option("--tls-cert <file>", "the certificate to serve with, in PEM; with --tls-key").env("ROLLCALL_TLS_CERT"),
  tlsKey: () => new Option("--tls-key <file>", "the key of --tls-cert, in PEM").env("ROLLCALL_TLS_KEY"),
  tlsClientCa: () =>
    new Option("--tls-client-ca <file>", "who signs the certificates of callers, in PEM").env("ROLLCALL_TLS_CLIENT_CA"),
  tlsClientCerts: () =>
    new Option("--tls-client-certs <how>", "with --tls-client-ca: whether callers without a certificate are refused")
      .env("ROLLCALL_TLS_CLIENT_CERTS")
      .default("require")
      .choices(["require", "request"]),
  credentials: () =>
    new Option("--credentials <file>", "who may call: a list of tokens and certificates; rollcall token makes one").env(
      "ROLLCALL_CREDENTIALS",
    ),
  jwtJwks: () =>
    new Option("--jwt-jwks <file or url>", "the keys of whoever signs JSON Web Tokens for callers").env(
      "ROLLCALL_JWT_JWKS",
    ),
  jwtIssuer: () => new Option("--jwt-issuer <text>", "who signs them: their claim iss").env("ROLLCALL_JWT_ISSUER"),
  jwtAudience: () =>
    new Option("--jwt-audience <text>", "who they are for: their claim aud").env("ROLLCALL_JWT_AUDIENCE"),
  jwtScopeClaim: () =>
    new Option("--jwt-scope-claim <name>", "their claim that holds the scopes")
      .env("ROLLCALL_JWT_SCOPE_CLAIM")
      .default("scope"),
  insecure: () =>
    new Option("--insecure [yes or no]", "serve other machines without asking for credentials")
      .env("ROLLCALL_INSECURE")
      .default(false, "no")
      .preset("yes")
      .argParser(checked(parseYesOrNo)),
  corsOrigins: () =>
    new Option("--cors-origins <origins>", "web pages that may call from a browser, separated by commas; * for any")
      .env("ROLLCALL_CORS_ORIGINS")
      .argParser(checked(parseCorsOrigins)),
  reflection: () =>
    new Option("--reflection <who>", "whom to tell the contract: open to all, to callers with credentials, or off")
      .env("ROLLCALL_REFLECTION")
      .default("open")
      .choices(["open", "credentials", "off"]),
  requiredProperties: () =>
    new Option("--required-properties <names>", "properties that every user has, separated by commas; empty for none")
      .env("ROLLCALL_REQUIRED_PROPERTIES")
      .default(["name", "email"], "name,email")
      .argParser(checked(parseNames)),
  maxConnections: () =>
    new Option("--max-connections <count>", "connections at one time; what comes beyond is closed")
      .env("ROLLCALL_MAX_CONNECTIONS")
      .default(defaultServerLimits.maxConnections)
      .argParser(checked(parseCount)),
  maxConnectionAge: () =>
    new Option(
      "--max-connection-age <seconds>",
      "how long an HTTP/2 connection is used before its caller is told to begin another; 0 for ever",
    )
      .env("ROLLCALL_MAX_CONNECTION_AGE")
      .default(defaultServerLimits.maxConnectionAgeMs / 1_000)
      .argParser(checked(parseSeconds)),
  maxCalls: () =>
    new Option("--max-calls <count>", "unary calls that are served at one time; what comes beyond is refused")
      .env("ROLLCALL_MAX_CALLS")
      .default(defaultServerLimits.maxCalls)
      .argParser(checked(parseCount)),
  maxStreams: () =>
    new Option("--max-streams <count>", "streams that are open at one time; what comes beyond is refused")
      .env("ROLLCALL_MAX_STREAMS")
      .default(defaultServerLimits.maxStreams)
      .argParser(checked(parseCount)),
  maxHeldMib: () =>
    new Option(
      "--max-held-mib <MiB>",
      "memory for requests that are coming in and answers that are going out; beyond it, the largest are ended",
    )
      .env("ROLLCALL_MAX_HELD_MIB")
      .default(defaultServerLimits.maxHeldBytes / 1024 ** 2)
      .argParser(checked(parseCount)),
  drainTimeout: () =>
    new Option("--drain-timeout <seconds>", "how long a stop waits for calls that are under way")
      .env("ROLLCALL_DRAIN_TIMEOUT")
      .default(10)
      .argParser(checked(parseSeconds)),
  accessLog: () =>
    new Option("--access-log <share>", "the share of requests that are logged, from 0 for none to 1 for all")
      .env("ROLLCALL_ACCESS_LOG")
      .default(0.01)
      .argParser(checked(parseShare)),
  metricsListen: () =>
    new Option(
      "--metrics-listen <host:port>",
      "where to serve metrics for Prometheus, as /metrics, and to answer probes, as /healthz and /readyz",
    )
      .env("ROLLCALL_METRICS_LISTEN")
      .argParser(checked(parseAddress)),
  logLevel: () =>
    new Option("--log-level <level>", "the least severe lines to log; debug has a line for each request")
      .env("ROLLCALL_LOG_LEVEL")
      .default("info")
      .choices(logLevels),
};

/** Options of the commands that call a server. */
export const clientOptions = {
  server: () =>
    new Option("--server <url>", "the server to call")
      .env("ROLLCALL_SERVER")
      .default("http://127.0.0.1:50051")
      .argParser(checked(parseServer)),
  token: () =>
    new Option(
      "--token <text>",
      "who to be to the server; better set as a variable, which a list of processes does not show",
    ).env("ROLLCALL_TOKEN"),
  ca: () =>
    new Option("--ca <file>", "who signs the server's certificate, in PEM, in place of the system's authorities").env(
      "ROLLCALL_CA",
    ),
  cert: () =>
    new Option("--cert <file>", "the certificate to show to the server, in PEM; with --key").env("ROLLCALL_CERT"),
  key: () => new Option("--key <file>", "the key of --cert, in PEM").env("ROLLCALL_KEY"),
  timeout: () =>
    new Option("--timeout <seconds>", "how long to wait for the answer")
      .env("ROLLCALL_TIMEOUT")
      .default(10)
      .argParser(checked(parseSeconds)),
};

/** Lets commander name the option and where its value came from in front of what is wrong with it. */
export function checked<Value>(parse: (text: string) => Value): (text: string) => Value {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
    }
  };
}

/** As `checked`, but the value, which may hold a password, is not printed. */
function secret<Value>(flag: string, variable: string, parse: (text: string) => Value): (text: string) => Value {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new CommanderError(1, "rollcall.invalidArgument", `${flag} (or ${variable}) is invalid. ${reason}`);
    }
  };
}

function parseAddress(text: string): Address {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || port > 65_535) {
    throw new Error("Expected HOST:PORT, as in 127.0.0.1:50051 or [::1]:50051.");
  }
  return { host, port };
}

function parseNames(text: string): readonly string[] {
  if (text.trim() === "") return [];
  const names = text.split(",").map((name) => name.trim());
  for (const name of names) {
    const bytes = Buffer.byteLength(name);
    if (bytes === 0 || bytes > limits.maxPropertyNameBytes) {
      throw new Error(`Expected names of 1 to ${limits.maxPropertyNameBytes} bytes, separated by commas.`);
    }
  }
  return [...new Set(names)];
}

function parseKeyPrefix(text: string): string {
  if (!/^[^\s{}\p{Cc}]{0,64}$/u.test(text)) {
    throw new Error("Expected up to 64 characters, none of them a brace, a space or a control character.");
  }
  return text;
}

function parseReplicas(text: string): number {
  if (!/^\d{1,2}$/.test(text)) throw new Error("Expected a number of replicas from 0 to 99.");
  return Number(text);
}

function parseWorkers(text: string): number {
  const count = text === "auto" ? availableParallelism() : Number(text);
  if (!/^(auto|\d{1,3})$/.test(text) || count < 1 || count > maxWorkers) {
    throw new Error(`Expected a number of processes from 1 to ${maxWorkers}, or auto.`);
  }
  return count;
}

function parseCount(text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new Error("Expected a number from 1 to 9999999.");
  return Number(text);
}

function parseShare(text: string): number {
  const share = Number(text);
  if (text.trim() === "" || !(share >= 0 && share <= 1)) throw new Error("Expected a number from 0 to 1.");
  return share;
}

function parseYesOrNo(text: string): boolean {
  if (!/^(yes|no|true|false|1|0)$/i.test(text)) throw new Error("Expected yes or no.");
  return /^(yes|true|1)$/i.test(text);
}

export function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (text.trim() === "" || !(seconds >= 0 && seconds <= 86_400)) {
    throw new Error("Expected a number of seconds from 0 to 86400.");
  }
  return seconds;
}

function parseServer(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["http:", "https:"].includes(url.protocol)) {
    throw new Error("Expected a URL, as in http://127.0.0.1:50051.");
  }
  return text.replace(/\/+$/, "");
}
