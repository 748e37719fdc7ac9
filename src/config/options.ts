/** Every option that has an environment variable: its flag, its default, the values that it takes, and its help. */
import { createOption } from "@commander-js/extra-typings";
import { parseAddress } from "./address.ts";
import { parseCorsOrigins } from "./cors-origins.ts";
import { checked, declareOptions, GuardingOption, type ValuesOf } from "./declare-options.ts";
import {
  logLevels,
  parseCount,
  parseIndexes,
  parseKeyPrefix,
  parseNames,
  parseReplicas,
  parseSeconds,
  parseServer,
  parseShare,
  parseWorkers,
  parseYesOrNo,
} from "./option-values.ts";
import { parseNatMap } from "./redis-nat-map.ts";
import { defaultServerLimits } from "./server-limits.ts";
import { parseStoreLocation } from "./store-url.ts";
import { parseTrustedProxies } from "./trusted-proxies.ts";

const store = (description: string) =>
  new GuardingOption("--store <url>", description)
    .default(parseStoreLocation("sqlite:data/rollcall.db"), "sqlite:data/rollcall.db")
    .argParser(parseStoreLocation);

const redisConnection = declareOptions("Store:", {
  redisKeyPrefix: createOption("--redis-key-prefix <text>", "prefix of every key in Redis")
    .default("rollcall:")
    .argParser(checked(parseKeyPrefix)),
  redisCa: createOption("--redis-ca <file>", "CA certificates to verify Redis with, in PEM; by default the system's"),
  redisCert: createOption("--redis-cert <file>", "client certificate for Redis, in PEM; needs --redis-key"),
  redisKey: createOption("--redis-key <file>", "private key of --redis-cert, in PEM"),
  redisPasswordFile: createOption(
    "--redis-password-file <file>",
    "file with the password for Redis, in place of one in --store; read again when it changes",
  ),
  redisSentinelUsername: createOption("--redis-sentinel-username <name>", "user name for the Sentinels"),
  redisSentinelPassword: createOption(
    "--redis-sentinel-password <text>",
    "password for the Sentinels; set the variable instead, because process lists show flags",
  ),
  redisSentinelPasswordFile: createOption(
    "--redis-sentinel-password-file <file>",
    "file with the password for the Sentinels; read again when it changes",
  ),
  redisNatMap: createOption(
    "--redis-nat-map <from=to,...>",
    "addresses to use in place of those that a cluster or Sentinels announce: HOST:PORT=HOST:PORT or HOST=HOST",
  ).argParser(checked(parseNatMap)),
});

/** Where users are stored, for every command that opens the store. */
export const storeOptions = {
  ...declareOptions("Store:", {
    store: store(
      "where users are stored: sqlite:PATH, redis://HOST:PORT/DATABASE, redis+cluster://HOST:PORT,… or " +
        "redis+sentinel://HOST:PORT,…/NAME. rediss is for TLS. USER:PASSWORD@ goes before the hosts.",
    ),
  }),
  ...redisConnection,
};

/** How a server uses Redis. */
export const redisOptions = {
  ...redisConnection,
  ...declareOptions("Store:", {
    redisWaitReplicas: createOption(
      "--redis-wait-replicas <count>",
      "answer a write once this many replicas have it; see docs/durability.md",
    )
      .default(0)
      .argParser(checked(parseReplicas)),
  }),
};

/** Who may call, and over what. */
export const accessOptions = declareOptions("Access:", {
  tlsCert: new GuardingOption("--tls-cert <file>", "certificate to serve TLS with, in PEM; needs --tls-key"),
  tlsKey: new GuardingOption("--tls-key <file>", "private key of --tls-cert, in PEM"),
  tlsClientCa: new GuardingOption(
    "--tls-client-ca <file>",
    "CA certificates to verify callers' certificates with, in PEM",
  ),
  tlsClientCerts: createOption(
    "--tls-client-certs <how>",
    "with --tls-client-ca: require a certificate, or only request it",
  )
    .default("require")
    .choices(["require", "request"]),
  credentials: new GuardingOption(
    "--credentials <file>",
    "tokens and certificates that may call; rollcall token makes an entry",
  ),
  jwtJwks: new GuardingOption("--jwt-jwks <file or url>", "keys to verify callers' JSON Web Tokens with (a JWKS)"),
  jwtIssuer: new GuardingOption("--jwt-issuer <text>", "issuer of these tokens: their iss claim"),
  jwtAudience: new GuardingOption("--jwt-audience <text>", "audience of these tokens: their aud claim"),
  jwtScopeClaim: createOption("--jwt-scope-claim <name>", "claim of these tokens that holds the scopes").default(
    "scope",
  ),
  writeOnlyAnswers: createOption(
    "--write-only-answers <what>",
    "what a write tells callers without users.read: only that it was applied, or as much as in 0.1",
  )
    .default("applied")
    .choices(["applied", "legacy"]),
  insecure: createOption("--insecure [yes or no]", "serve other machines without asking for credentials")
    .default(false, "no")
    .preset("yes")
    .argParser(checked(parseYesOrNo)),
  corsOrigins: createOption(
    "--cors-origins <origins>",
    "origins of web pages that may call, separated by commas; * for any",
  ).argParser(checked(parseCorsOrigins)),
});

/** Options of `rollcall serve`. */
export const serveOptions = {
  ...declareOptions("Service:", {
    listen: createOption("--listen <host:port>", "address to listen on; port 0 takes a free port")
      .default(parseAddress("127.0.0.1:50051"), "127.0.0.1:50051")
      .argParser(checked(parseAddress)),
    workers: createOption(
      "--workers <count>",
      "processes that share the port; auto for one per core; more than one needs Redis",
    )
      .default(1)
      .argParser(checked(parseWorkers)),
    requiredProperties: createOption(
      "--required-properties <names>",
      "properties that every user has, separated by commas; empty for none",
    )
      .default(["name", "email"], "name,email")
      .argParser(checked(parseNames)),
    indexes: createOption(
      "--indexes <properties>",
      "indexed properties, as email:fold,phone: set in a store that has never had any, expected of others",
    ).argParser(checked(parseIndexes)),
    reflection: createOption(
      "--reflection <who>",
      "who may use gRPC reflection: all (open), callers with credentials, or nobody (off)",
    )
      .default("open")
      .choices(["open", "credentials", "off"]),
    http2: createOption("--http2 <which>", "HTTP/2 of Rollcall's own, or Node's; see docs/http2.md")
      .default("own")
      .choices(["own", "node"]),
    drainTimeout: createOption("--drain-timeout <seconds>", "how long a stop waits for calls in progress")
      .default(10)
      .argParser(checked(parseSeconds)),
  }),
  ...storeOptions,
  ...redisOptions,
  ...accessOptions,
  ...declareOptions("Limits:", {
    maxConnections: createOption("--max-connections <count>", "connections at one time; further ones are closed")
      .default(defaultServerLimits.maxConnections)
      .argParser(checked(parseCount)),
    maxConnectionAge: createOption(
      "--max-connection-age <seconds>",
      "older HTTP/2 connections are closed once their calls have ended; 0 for never",
    )
      .default(defaultServerLimits.maxConnectionAgeMs / 1_000)
      .argParser(checked(parseSeconds)),
    maxCalls: createOption("--max-calls <count>", "unary calls at one time; further ones are refused")
      .default(defaultServerLimits.maxCalls)
      .argParser(checked(parseCount)),
    maxStreams: createOption("--max-streams <count>", "open streams at one time; further ones are refused")
      .default(defaultServerLimits.maxStreams)
      .argParser(checked(parseCount)),
    maxHeldMib: createOption(
      "--max-held-mib <MiB>",
      "memory budget for requests coming in and answers going out; beyond it, the largest are ended",
    )
      .default(defaultServerLimits.maxHeldBytes / 1024 ** 2)
      .argParser(checked(parseCount)),
    trustedProxies: createOption(
      "--trusted-proxies <cidrs>",
      "addresses or CIDR ranges of proxies, separated by commas; abuse by one caller never delays their new connections",
    ).argParser(checked(parseTrustedProxies)),
  }),
  ...declareOptions("Logs and metrics:", {
    logLevel: createOption("--log-level <level>", "least severe lines to log; debug logs each request")
      .default("info")
      .choices(logLevels),
    accessLog: createOption("--access-log <share>", "share of requests to log, from 0 (none) to 1 (all)")
      .default(0.01)
      .argParser(checked(parseShare)),
    metricsListen: createOption(
      "--metrics-listen <host:port>",
      "address that serves metrics to Prometheus (/metrics) and answers probes (/healthz, /readyz)",
    ).argParser(checked(parseAddress)),
  }),
};

/** Options of `rollcall backup`. */
export const backupOptions = declareOptions("Options:", { store: store("SQLite store to copy: sqlite:PATH") });

/** How a command reaches a server. */
export const connectionOptions = declareOptions("Connection:", {
  server: createOption("--server <url>", "server to call")
    .default("http://127.0.0.1:50051")
    .argParser(checked(parseServer)),
  protocol: createOption(
    "--protocol <protocol>",
    "grpc needs HTTP/2; connect does with HTTP/1.1; by default grpc, and on TLS connect if there is no HTTP/2",
  ).choices(["grpc", "connect"]),
  token: createOption("--token <text>", "token to send; set the variable instead, because process lists show flags"),
  ca: createOption("--ca <file>", "CA certificates to verify the server with, in PEM; by default the system's"),
  cert: createOption("--cert <file>", "client certificate, in PEM; needs --key"),
  key: createOption("--key <file>", "private key of --cert, in PEM"),
});

/** Options of the commands that make single calls. */
export const clientOptions = {
  ...connectionOptions,
  ...declareOptions("Connection:", {
    timeout: createOption("--timeout <seconds>", "how long to wait for an answer")
      .default(10)
      .argParser(checked(parseSeconds)),
  }),
};

export type ServeSettings = ValuesOf<typeof serveOptions>;
export type ConnectionSettings = ValuesOf<typeof connectionOptions>;
export type ClientSettings = ValuesOf<typeof clientOptions>;

/** Variables that Kubernetes sets in each container for a Service whose name begins with `rollcall`. */
const ofKubernetes = /_SERVICE_(HOST|PORT)(_|$)|_PORT(_|$)/;

/** @returns the variables that are named as if they set an option, and set none */
export function unknownVariables(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = new Set([...Object.values(serveOptions), ...Object.values(clientOptions)].map(({ envVar }) => envVar));
  return Object.keys(env).filter(
    (name) => name.startsWith("ROLLCALL_") && !known.has(name) && !ofKubernetes.test(name),
  );
}
