/** A failed start leaves nothing open, whichever step fails. */
import { once } from "node:events";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { parseStoreLocation } from "../../src/config/store-url.ts";
import { watchedFile } from "../../src/config/watched-file.ts";
import { type ServerOptions, startServer, startServerOver } from "../../src/server/server.ts";
import { openSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { openTelemetry } from "../../src/telemetry/telemetry.ts";
import { openBesideStore } from "../support/beside-store.ts";
import { type Certificates, createCertificates } from "../support/certificates.ts";
import { temporaryFolder } from "../support/files.ts";
import { redisWith } from "../support/for-one-test.ts";
import { watchHandles } from "../support/open-handles.ts";
import { rollcall } from "../support/processes.ts";
import { until } from "../support/until.ts";

let certificates: Certificates;
beforeAll(() => {
  certificates = createCertificates();
});
afterAll(() => certificates.remove());

let folder: string;
let path: string;
let takenPort: number;
beforeEach(async () => {
  folder = temporaryFolder();
  path = join(folder, "users.db");
  takenPort = await takePort();
});

async function takePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** A port on which nothing listens. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

const silent = pino({ level: "silent" });
/** A log that cannot be written. */
const brokenLog = pino(
  { level: "error" },
  {
    write() {
      throw new Error("the log cannot be written");
    },
  },
);

const options = (more: Partial<ServerOptions> = {}): ServerOptions => ({
  listen: { host: "127.0.0.1", port: 0 },
  store: parseStoreLocation(`sqlite:${path}`),
  requiredProperties: [],
  drainTimeoutMs: 100,
  logger: silent,
  ...more,
});

async function expectNothingOpen(start: () => Promise<unknown>, message: RegExp): Promise<void> {
  const handles = watchHandles();
  onTestFinished(() => handles.stop());
  await expect(start()).rejects.toThrow(message);
  const left = () => handles.open().join("\n\n");
  await until(() => left() === "" || Promise.reject(new Error(left())));
  // SQLite removes its log when the database is closed.
  expect(readdirSync(folder)).not.toContain("users.db-wal");
}

const file = (name: string, content: string): string => {
  const made = join(folder, name);
  writeFileSync(made, content);
  return made;
};
const jwt = { jwtIssuer: "https://issuer.example", jwtAudience: "rollcall" };
const tls = () => ({ tlsCert: certificates.cert, tlsKey: certificates.key });
const tokens = [{ name: "a", sha256: "ab".repeat(32), scopes: ["users.read"] }];
const credentials = () => file("credentials.json", JSON.stringify({ tokens }));
const onTakenPort = () => ({ listen: { host: "127.0.0.1", port: takenPort } });

describe("nothing is left open when", () => {
  test.each<readonly [string, () => Promise<Partial<ServerOptions>> | Partial<ServerOptions>, RegExp]>([
    ["a certificate is missing", () => ({ ...tls(), tlsCert: join(folder, "none") }), /--tls-cert cannot be read/],
    ["a key is not in PEM", () => ({ ...tls(), tlsKey: file("key", "no key") }), /is not in PEM/],
    ["an authority is not in PEM", () => ({ ...tls(), tlsClientCa: file("ca", "none") }), /is not in PEM/],
    ["credentials are no JSON", () => ({ ...tls(), credentials: file("c", "{") }), /c: /],
    [
      "the keys for tokens are not a set of keys",
      () => ({ ...tls(), credentials: credentials(), jwtJwks: file("jwks", "{"), ...jwt }),
      /is not a JSON Web Key Set/,
    ],
    ["the store is a folder", () => ({ ...tls(), store: parseStoreLocation(`sqlite:${folder}`) }), /is not a file/],
    ["the store is of another program", foreignStore, /is not ours: name another file in --store/],
    [
      "the store is not a database",
      () => ({ store: parseStoreLocation(`sqlite:${file("text", "no database".repeat(100))}`) }),
      /it is no SQLite database .*; name another file in --store/,
    ],
    [
      "the store is below a file",
      () => ({ store: parseStoreLocation(`sqlite:${file("file", "")}/users.db`) }),
      /; a part of the path in --store is no folder$/,
    ],
    ["the address is taken, over SQLite", onTakenPort, /cannot listen on 127/],
    ["the address is taken, with TLS and credentials", takenWithAccess, /cannot listen on 127/],
    [
      "the address is taken, over Redis",
      async () => ({ ...onTakenPort(), store: parseStoreLocation((await redisWith()).url) }),
      /cannot listen on 127/,
    ],
    [
      "the log cannot say that Redis is away",
      async () => ({ logger: brokenLog, store: parseStoreLocation(`redis://127.0.0.1:${await freePort()}`) }),
      /the log cannot be written/,
    ],
    [
      "the log cannot say that a cluster is away",
      async () => ({ logger: brokenLog, store: parseStoreLocation(`redis+cluster://127.0.0.1:${await freePort()}`) }),
      /the log cannot be written/,
    ],
  ])("%s", async (_, prepare, message) => {
    const prepared = options(await prepare());
    await expectNothingOpen(() => startServer(prepared), message);
  });

  test("the log cannot say that the database is locked", async () => {
    await (await openSqliteStore(path)).close();
    await expectNothingOpen(async () => {
      const store = await openSqliteStore(path);
      const other = openBesideStore(path);
      other.exec("BEGIN IMMEDIATE");
      try {
        await startServerOver(store, { ...options({ logger: brokenLog }), storeSystem: "sqlite" });
      } finally {
        other.close();
      }
    }, /the log cannot be written/);
  });

  test("a set of keys cannot be read: the credentials file is no longer watched", async () => {
    const lines: string[] = [];
    const logger = pino({ level: "trace" }, { write: (line: string) => lines.push(line) });
    const path = credentials();
    const jwtJwks = file("jwks", "{");
    await expect(startServer(options({ logger, credentials: path, jwtJwks, ...jwt }))).rejects.toThrow(/jwks: /);
    let seen = 0;
    const onChange = () => seen++;
    const watched = watchedFile({ path, parse: String, onChange, onError: () => {} });
    onTestFinished(() => watched.close());
    // Each watcher checks once a second.
    for (const text of ["{", "{{"]) {
      const before = seen;
      writeFileSync(path, text);
      await until(() => seen > before);
    }
    expect(lines).toEqual([]);
  });

  test("metrics are collected, and the address is taken", async () => {
    const telemetry = await openTelemetry({ pulled: true, env: {}, version: "0", logger: silent });
    onTestFinished(() => telemetry.close());
    await expectNothingOpen(() => startServer(options({ ...onTakenPort(), telemetry })), /cannot listen on 127/);
  });
});

function foreignStore(): Partial<ServerOptions> {
  mkdirSync(folder, { recursive: true });
  const other = new DatabaseSync(path);
  other.exec("PRAGMA journal_mode = WAL; CREATE TABLE something (a)");
  other.close();
  return {};
}

function takenWithAccess(): Partial<ServerOptions> {
  return { ...onTakenPort(), ...tls(), tlsClientCa: certificates.cert, credentials: credentials() };
}

describe("the process ends, and says why, when", () => {
  test.each<readonly [string, () => readonly string[], RegExp]>([
    ["its address is taken", () => ["--listen", `127.0.0.1:${takenPort}`], /^rollcall: cannot listen on 127/],
    [
      "its address is taken, and metrics are served",
      () => ["--listen", `127.0.0.1:${takenPort}`, "--metrics-listen", "127.0.0.1:0"],
      /^rollcall: cannot listen on 127/m,
    ],
    [
      "the address of its metrics is taken",
      () => ["--listen", "127.0.0.1:0", "--metrics-listen", `127.0.0.1:${takenPort}`],
      /^rollcall: cannot listen on 127/,
    ],
    [
      "its credentials cannot be used",
      () => ["--listen", "127.0.0.1:0", "--credentials", file("c", "{"), "--metrics-listen", "127.0.0.1:0"],
      /^rollcall: .*c: /m,
    ],
    [
      "its store is where no folder can be made",
      // Of two options, the last one counts.
      () => ["--listen", "127.0.0.1:0", "--store", "sqlite:/proc/none/users.db"],
      /^rollcall: cannot open --store sqlite:\/proc\/none\/users\.db: .*; name a place in --store/,
    ],
  ])("%s", async (_, args, message) => {
    const { status, stderr } = await rollcall([
      "serve",
      "--store",
      `sqlite:${path}`,
      "--log-level",
      "error",
      ...args(),
    ]);
    expect(stderr).toMatch(message);
    expect(status).toBe(1);
    expect(readdirSync(folder)).not.toContain("users.db-wal");
  });
});
