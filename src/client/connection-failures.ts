/** Explains why a server cannot be reached: the cause and the next step, in place of the errors of Node's layers. */
import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { causesOf, lostConnection } from "./errors.ts";

/** The `cause` of the error of a call that no server has answered. */
export class ConnectionFailure extends Error {
  override readonly name = "ConnectionFailure";
  /** The cause, without the next step. */
  readonly what: string;

  constructor(what: string, advice: string, cause: Error) {
    super(advice === "" ? what : `${what}; ${advice}`, { cause });
    this.what = what;
  }
}

type Words = readonly [what: string, advice: string];

const unknownAuthority = (message: string): Words => [
  `the server's certificate is not signed by a trusted authority (${message.split(";", 1)[0]})`,
  "name its authority: --ca, or tls.ca in TypeScript",
];
const notAccepted = (message: string): Words => [
  `the server does not accept the client certificate (${alertIn(message)})`,
  "show one that its --tls-client-ca has signed: --cert and --key, or tls.cert and tls.key in TypeScript",
];
const noAddress = (message: string): Words => [message, "check the host's name, and DNS where the call is made"];
const noWay = (message: string): Words => [message, "check the address, the network, and firewalls on the way"];
const noTls: Words = ["the server does not speak TLS", "the URL of a server without TLS begins with http:"];
const notHttp2: Words = [
  "the server, or a proxy in between, does not speak HTTP/2",
  `if it leads to Rollcall, call it with --protocol connect, or protocol: "connect" in TypeScript`,
];
const notHttp1: Words = [
  "the server does not speak HTTP/1.1",
  "is that the port of Rollcall? The URL of a server with TLS begins with https:",
];

/** By error codes of Node, OpenSSL and certificate checks. */
const wordsOf: Readonly<Record<string, (message: string, host: string) => Words>> = {
  ECONNREFUSED: (message) => [message, "is a server running there? Start one with: rollcall serve"],
  ENOTFOUND: noAddress,
  EAI_AGAIN: noAddress,
  ETIMEDOUT: noWay,
  EHOSTUNREACH: noWay,
  ENETUNREACH: noWay,
  ERR_HTTP2_ERROR: () => notHttp2,
  ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: () => notHttp2,
  ERR_SSL_WRONG_VERSION_NUMBER: () => noTls,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: () => noTls,
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: () => [
    "the server speaks an older version of TLS than 1.2",
    "is that the port of Rollcall?",
  ],
  CERT_HAS_EXPIRED: () => ["the server's certificate has expired", "give the server a new one"],
  CERT_NOT_YET_VALID: () => ["the server's certificate is not valid yet", "compare the clocks of both machines"],
  DEPTH_ZERO_SELF_SIGNED_CERT: unknownAuthority,
  SELF_SIGNED_CERT_IN_CHAIN: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknownAuthority,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownAuthority,
  ERR_TLS_CERT_ALTNAME_INVALID: (message, host) => [
    `the server's certificate is not for ${host} (${message.replace(/^.*?altnames: /, "").replace(/[\s:]+$/, "")})`,
    "call the server by a name in its certificate, or give it one for this name",
  ],
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: () => [
    "the server asks for a client certificate",
    "show one: --cert and --key, or tls.cert and tls.key in TypeScript",
  ],
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: notAccepted,
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: notAccepted,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: notAccepted,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: notAccepted,
};

/** The part `alert unknown ca` of a message of OpenSSL. */
function alertIn(message: string): string {
  return /(?:sslv3|tlsv1[0-9]?) (alert [a-z ]+)/.exec(message)?.[1] ?? "TLS alert";
}

/**
 * Explains the error of a call that no server has answered, and gives it a ConnectionFailure as its cause.
 *
 * @param server the URL
 */
export function explainConnectionFailures(server: string): Interceptor {
  /** If so, scheme and port of the URL are right. */
  let hasAnswered = false;
  return (next) => async (request) => {
    try {
      const response = await next(request);
      hasAnswered = true;
      return response;
    } catch (error) {
      if (!(error instanceof ConnectError) || request.signal.aborted) throw error;
      if (isAnswer(error)) hasAnswered = true;
      const failure = connectionFailure(error, server, hasAnswered);
      if (failure === undefined) throw error;
      const code = error.code === Code.Canceled ? Code.Unavailable : error.code;
      throw new ConnectError(`cannot reach ${server}: ${failure.message}`, code, undefined, undefined, failure);
    }
  };
}

function isAnswer({ metadata, details }: ConnectError): boolean {
  return metadata.has("grpc-status") || details.length > 0;
}

function connectionFailure(error: ConnectError, server: string, hasAnswered: boolean): ConnectionFailure | undefined {
  if (isAnswer(error)) return undefined;
  for (const { message, code } of causesOf(error)) {
    const words = wordsOf[code]?.(message, new URL(server).hostname);
    if (words !== undefined) return new ConnectionFailure(...words, error);
    if (lostConnection.has(code)) return new ConnectionFailure(...wordsOfClosed(server, hasAnswered), error);
    // Codes of Node's parser.
    if (code.startsWith("HPE_")) return new ConnectionFailure(...notHttp1, error);
    if (code.startsWith("ERR_SSL_")) {
      const what = `the server and the client do not agree on TLS (${alertIn(message)}, ${code})`;
      return new ConnectionFailure(what, "compare their TLS versions and certificates", error);
    }
  }
  // Node cancels the streams of a lost connection.
  return error.code === Code.Canceled ? new ConnectionFailure(...wordsOfClosed(server, hasAnswered), error) : undefined;
}

function wordsOfClosed(server: string, hasAnswered: boolean): Words {
  if (hasAnswered) return ["the connection was closed before the answer came", ""];
  const what = "the connection was closed without an answer";
  return server.startsWith("http:")
    ? [what, "the server may expect TLS: the URL of a server with TLS begins with https:"]
    : [what, "is that the port of Rollcall, and does the server accept the client certificate (--cert and --key)?"];
}
