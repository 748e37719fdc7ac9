/** Why Redis does not answer: the cause and the next step. ioredis' own messages are about its options. */

import type { RedisOptions } from "ioredis";
import { type Address, formatAddress } from "../../../config/address.ts";
import { entryTo } from "../../../config/redis-nat-map.ts";
import { withoutArguments } from "../../../telemetry/failure-log.ts";
import type { RedisAccess } from "./access.ts";

/** The name of a server in messages. */
export function nameOfServer({ sentinels, name, host = "", port = 0 }: RedisOptions, access: RedisAccess): string {
  return sentinels === undefined || sentinels === null
    ? nameOfAddress({ host, port }, access)
    : `Redis (${name}, by its Sentinels)`;
}

/** Names the entry of --redis-nat-map that leads there, because it may be wrong. */
export function nameOfAddress(endpoint: Address, { natMap }: RedisAccess): string {
  const entry = entryTo(natMap, endpoint);
  const address = formatAddress(endpoint);
  return `Redis at ${address}${entry === undefined ? "" : ` (by ${entry} of --redis-nat-map: is that right?)`}`;
}

/** The errors of commands whose connection was lost, whatever the reason. */
const lostWithConnection = /^(Reached the max retries|Connection is closed|Stream isn't writeable)/;

/** @param connection what the connection itself has failed with, if it has */
export function causeOf(failure: Error, connection: Error | undefined): Error {
  return connection !== undefined && lostWithConnection.test(failure.message) ? connection : failure;
}

const hangs = "does its process hang, is a command slow (SLOWLOG GET), or is the network cut?";
const certificateOf = "the authority that signs its certificate is named by --redis-ca";
const tlsInStore = "a store with TLS begins with rediss, one without with redis";

const passwordPlace = "check them in --store";
const passwordInFile = "check the password in the file of --redis-password-file, and the user name in --store";

/** By patterns of errors: the cause, unless the error names it, and the next step. */
const words: readonly (readonly [known: RegExp, what: string | undefined, next: string])[] = [
  [/^Socket timeout.* in (\d+)ms/, "no answer within $1 ms", hangs],
  [/^no answer within \d+ ms/, undefined, hangs],
  [lostWithConnection, "the connection was lost before the answer came", "has Redis been stopped or restarted?"],
  [
    /^connect ETIMEDOUT/,
    "no connection came about in time",
    `check the address and firewalls on the way; ${tlsInStore}`,
  ],
  [/ECONNREFUSED/, undefined, "is Redis running, and is that its port?"],
  [/ENOTFOUND|EAI_AGAIN/, undefined, "check the host's name in --store, and DNS"],
  [/EHOSTUNREACH|ENETUNREACH/, undefined, "check the address, the network, and firewalls on the way"],
  [/wrong version number|packet length too long/, "no TLS is spoken there", tlsInStore],
  [/ECONNRESET|socket disconnected before secure/, "the connection was closed", tlsInStore],
  [/certificate has expired/, undefined, "give Redis a new one"],
  [/altnames/, undefined, "name Redis in --store as its certificate does"],
  [
    /certificate required|handshake failure/,
    "Redis asks for a client certificate",
    "--redis-cert and --redis-key show one",
  ],
  [/certificate/, undefined, certificateOf],
  [/^WRONGPASS/, "Redis does not accept the user name and the password", passwordPlace],
  [
    /^NOAUTH/,
    "Redis asks for a password",
    "give it in --store, before the hosts, as USER:PASSWORD@, or by --redis-password-file",
  ],
  [
    /^All sentinels are unreachable.*Last error: (.*)$/s,
    "no Sentinel answers ($1)",
    "are they running, at the addresses in --store?",
  ],
  [/^LOADING/, undefined, "it goes on by itself once Redis has loaded its data"],
];

/** The cause and the next step, on one line. */
export function explained(failure: Error, { location, passwords }: RedisAccess): string {
  const passwordFromFile = location.password === undefined && passwords.server !== undefined;
  const message = withoutArguments(failure.message);
  for (const [known, what, next] of words) {
    const match = known.exec(message);
    if (match === null) continue;
    const [line = ""] = (what?.replace("$1", match[1] ?? "") ?? message).split("\n", 1);
    return `${line.replace(/\.$/, "")}; ${next === passwordPlace && passwordFromFile ? passwordInFile : next}`;
  }
  return message;
}
