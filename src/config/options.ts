/** Every option, declared once: its flag, its environment variable, its default and what values it takes. */
import { CommanderError, InvalidArgumentError, Option } from "commander";
import { logLevels } from "../telemetry/log-levels.ts";
import { parseAddress } from "./address.ts";
import { parseCorsOrigins } from "./cors-origins.ts";
import { invisible } from "./invisible.ts";
import {
  parseCount,
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

/**
 * Without it, a server opens another store or asks callers for less. An empty variable is a mistake here, and refused: the
 * secret that should fill it may be missing.
 */
class GuardingOption extends Option {}

/** Options of `rollcall serve`. */
export const serveOptions = settings({
  listen: () =>
    new Option("--listen <host:port>", "where to listen; port 0 takes a free one")
      .default(parseAddress("127.0.0.1:50051"), "127.0.0.1:50051")
      .argParser(checked(parseAddress)),
  store: () =>
    new GuardingOption(
      "--store <url>",
      "where users are kept: sqlite:PATH, redis://HOST:PORT/DATABASE, redis+cluster://HOST:PORT,… or " +
        "redis+sentinel://HOST:PORT,…/NAME; with USER:PASSWORD@ before the hosts, rediss for TLS",
    )
      .default(parseStoreLocation("sqlite:data/rollcall.db"), "sqlite:data/rollcall.db")
      .argParser(parseStoreLocation),
  workers: () =>
    new Option(
      "--workers <count>",
      "processes that share the port; auto for one on each core; more than one needs Redis",
    )
      .default(1)
      .argParser(checked(parseWorkers)),
  redisKeyPrefix: () =>
    new Option("--redis-key-prefix <text>", "what every key in Redis begins with")
      .default("rollcall:")
      .argParser(checked(parseKeyPrefix)),
  redisWaitReplicas: () =>
    new Option("--redis-wait-replicas <count>", "answer a write once as many replicas have it; docs/durability.md")
      .default(0)
      .argParser(checked(parseReplicas)),
  redisCa: () =>
    new Option("--redis-ca <file>", "who signs Redis' certificate, in PEM, in place of the system's authorities"),
  redisCert: () => new Option("--redis-cert <file>", "the certificate to show to Redis, in PEM; with --redis-key"),
  redisKey: () => new Option("--redis-key <file>", "the key of --redis-cert, in PEM"),
  redisPasswordFile: () =>
    new Option(
      "--redis-password-file <file>",
      "holds Redis' password, in place of the store's URL; read again when it changes",
    ),
  redisSentinelUsername: () => new Option("--redis-sentinel-username <name>", "user name for the Sentinels"),
  redisSentinelPassword: () =>
    new Option(
      "--redis-sentinel-password <text>",
      "the Sentinels' password; better set as a variable, which a list of processes does not show",
    ),
  redisSentinelPasswordFile: () =>
    new Option(
      "--redis-sentinel-password-file <file>",
      "holds the Sentinels' password, in place of --redis-sentinel-password; read again when it changes",
    ),
  redisNatMap: () =>
    new Option(
      "--redis-nat-map <from=to,...>",
      "where servers are that a cluster or Sentinels announce at other addresses: HOST:PORT=HOST:PORT or HOST=HOST",
    ).argParser(checked(parseNatMap)),
  tlsCert: () => new GuardingOption("--tls-cert <file>", "the certificate to serve with, in PEM; with --tls-key"),
  tlsKey: () => new GuardingOption("--tls-key <file>", "the key of --tls-cert, in PEM"),
  tlsClientCa: () => new GuardingOption("--tls-client-ca <file>", "who signs the certificates of callers, in PEM"),
  tlsClientCerts: () =>
    new Option("--tls-client-certs <how>", "with --tls-client-ca: whether callers without a certificate are refused")
      .default("require")
      .choices(["require", "request"]),
  credentials: () =>
    new GuardingOption(
      "--credentials <file>",
      "who may call: a list of tokens and certificates; rollcall token makes one",
    ),
  jwtJwks: () =>
    new GuardingOption("--jwt-jwks <file or url>", "the keys of whoever signs JSON Web Tokens for callers"),
  jwtIssuer: () => new GuardingOption("--jwt-issuer <text>", "who signs them: their claim iss"),
  jwtAudience: () => new GuardingOption("--jwt-audience <text>", "who they are for: their claim aud"),
  jwtScopeClaim: () => new Option("--jwt-scope-claim <name>", "their claim that holds the scopes").default("scope"),
  writeOnlyAnswers: () =>
    new Option(
      "--write-only-answers <what>",
      "what callers without the scope users.read are told of writes: that they were applied, or what 0.1 told (legacy)",
    )
      .default("applied")
      .choices(["applied", "legacy"]),
  insecure: () =>
    new Option("--insecure [yes or no]", "serve other machines without asking for credentials")
      .default(false, "no")
      .preset("yes")
      .argParser(checked(parseYesOrNo)),
  corsOrigins: () =>
    new Option(
      "--cors-origins <origins>",
      "web pages that may call from a browser, separated by commas; * for any",
    ).argParser(checked(parseCorsOrigins)),
  reflection: () =>
    new Option("--reflection <who>", "who may use gRPC reflection: open to all, to callers with credentials, or off")
      .default("open")
      .choices(["open", "credentials", "off"]),
  requiredProperties: () =>
    new Option("--required-properties <names>", "properties that every user has, separated by commas; empty for none")
      .default(["name", "email"], "name,email")
      .argParser(checked(parseNames)),
  maxConnections: () =>
    new Option("--max-connections <count>", "connections at one time; what comes beyond is closed")
      .default(defaultServerLimits.maxConnections)
      .argParser(checked(parseCount)),
  maxConnectionAge: () =>
    new Option(
      "--max-connection-age <seconds>",
      "how long an HTTP/2 connection is used before its caller is told to begin another; 0 for ever",
    )
      .default(defaultServerLimits.maxConnectionAgeMs / 1_000)
      .argParser(checked(parseSeconds)),
  maxCalls: () =>
    new Option("--max-calls <count>", "unary calls that are served at one time; what comes beyond is refused")
      .default(defaultServerLimits.maxCalls)
      .argParser(checked(parseCount)),
  maxStreams: () =>
    new Option("--max-streams <count>", "streams that are open at one time; what comes beyond is refused")
      .default(defaultServerLimits.maxStreams)
      .argParser(checked(parseCount)),
  maxHeldMib: () =>
    new Option(
      "--max-held-mib <MiB>",
      "memory for requests that are coming in and answers that are going out; beyond it, the largest are ended",
    )
      .default(defaultServerLimits.maxHeldBytes / 1024 ** 2)
      .argParser(checked(parseCount)),
  trustedProxies: () =>
    new Option(
      "--trusted-proxies <cidrs>",
      "addresses or CIDR ranges of proxies, separated by commas: connections from there never wait for the harm others did",
    ).argParser(checked(parseTrustedProxies)),
  drainTimeout: () =>
    new Option("--drain-timeout <seconds>", "how long a stop waits for calls that are under way")
      .default(10)
      .argParser(checked(parseSeconds)),
  accessLog: () =>
    new Option("--access-log <share>", "the share of requests that are logged, from 0 for none to 1 for all")
      .default(0.01)
      .argParser(checked(parseShare)),
  metricsListen: () =>
    new Option(
      "--metrics-listen <host:port>",
      "where to serve metrics for Prometheus, as /metrics, and to answer probes, as /healthz and /readyz",
    ).argParser(checked(parseAddress)),
  logLevel: () =>
    new Option("--log-level <level>", "the least severe lines to log; debug has a line for each request")
      .default("info")
      .choices(logLevels),
});

/** Options of the commands that call a server. */
export const clientOptions = settings({
  server: () =>
    new Option("--server <url>", "the server to call")
      .default("http://127.0.0.1:50051")
      .argParser(checked(parseServer)),
  token: () =>
    new Option(
      "--token <text>",
      "the token to send; better set as a variable, which a list of processes does not show",
    ),
  ca: () =>
    new Option("--ca <file>", "who signs the server's certificate, in PEM, in place of the system's authorities"),
  cert: () => new Option("--cert <file>", "the certificate to show to the server, in PEM; with --key"),
  key: () => new Option("--key <file>", "the key of --cert, in PEM"),
  timeout: () =>
    new Option("--timeout <seconds>", "how long to wait for the answer").default(10).argParser(checked(parseSeconds)),
});

/**
 * Gives each option its variable, and reads its value as shells, files and secrets leave it: without the spaces and line
 * breaks around it. A value that is refused is not printed where it may be a secret.
 */
function settings<Name extends string>(declared: Record<Name, () => Option>): Record<Name, () => Option> {
  for (const name in declared) {
    const declare = declared[name];
    declared[name] = () => complete(declare());
  }
  return declared;
}

function complete(option: Option): Option {
  const variable = `ROLLCALL_${option.name().replaceAll("-", "_").toUpperCase()}`;
  const { parseArg } = option;
  const parse = (value: string, previous: unknown) => {
    const text = value.trim();
    const refuse = (reason: string) => {
      const message = `--${option.name()} (or ${variable}) is invalid. ${reason}`;
      return new CommanderError(1, "rollcall.invalidArgument", message);
    };
    if (invisible.test(text)) throw refuse("It has a line break or another invisible character inside.");
    if (parseArg === undefined && text === "") throw refuse("It is empty.");
    if (parseArg === undefined) return text;
    try {
      return parseArg(text, previous);
    } catch (error) {
      // Commander prints the value with it.
      if (error instanceof InvalidArgumentError) throw error;
      throw refuse(error instanceof Error ? error.message : String(error));
    }
  };
  return option.env(variable).argParser(parse);
}

/** Variables that Kubernetes sets in each container for a Service whose name begins with `rollcall`. */
const ofKubernetes = /_SERVICE_(HOST|PORT)(_|$)|_PORT(_|$)/;

/** @returns the variables that are named as if they set an option, and set none */
export function unknownVariables(env: Readonly<Record<string, string | undefined>>): string[] {
  const declared = [...Object.values(serveOptions), ...Object.values(clientOptions)];
  const known = new Set(declared.map((declare) => declare().envVar));
  return Object.keys(env).filter(
    (name) => name.startsWith("ROLLCALL_") && !known.has(name) && !ofKubernetes.test(name),
  );
}

/** Lets an empty variable count as one that is not set, unless it is a value of the option's or has to be refused. */
export function dropEmptyVariables(options: readonly Option[], env: Record<string, string | undefined>): void {
  for (const option of options) {
    const { envVar } = option;
    if (envVar === undefined || env[envVar]?.trim() !== "") continue;
    if (!(option instanceof GuardingOption || takesEmpty(option))) delete env[envVar];
  }
}

function takesEmpty({ parseArg }: Option): boolean {
  try {
    parseArg?.("", undefined);
    return true;
  } catch {
    return false;
  }
}

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
