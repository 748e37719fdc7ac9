/**
 * Checks the Dockerfile without Docker and without network. In an empty folder, with the files that it copies and the packages
 * that it installs, a server must start as a user who can write only to its data. Prints the sizes of the layers.
 */
import { execFileSync, spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const root = new URL("../", import.meta.url).pathname;
const read = (file: string) => readFileSync(join(root, file), "utf8");
/** The user node of the image. Only root can switch to it. */
const user = process.getuid?.() === 0 ? { uid: 1000, gid: 1000 } : {};

const instructions = read("Dockerfile")
  .replace(/^#.*\n/gm, "")
  .replace(/\\\n/g, " ")
  .split("\n");
const copied = new Set(
  instructions
    .filter((line) => line.startsWith("COPY ") && !line.includes("--from="))
    .flatMap((line) => line.split(/\s+/).slice(1, -1)),
);
const letThrough = new Set([...read(".dockerignore").matchAll(/^!(.+)$/gm)].map(([, name]) => name));
for (const name of copied) {
  if (!existsSync(join(root, name))) throw new Error(`the Dockerfile copies ${name}, which is not there`);
  if (!letThrough.has(name)) throw new Error(`the Dockerfile copies ${name}, which .dockerignore keeps from it`);
}

const directory = mkdtempSync(join(tmpdir(), "rollcall-image-"));
try {
  chmodSync(directory, 0o755);
  const app = join(directory, "app");
  const data = join(directory, "data");
  for (const made of [app, data]) mkdirSync(made);
  if (user.uid !== undefined) chownSync(data, user.uid, user.gid);
  const node = join(directory, "node");
  copyFileSync(process.execPath, node);

  for (const name of copied) cpSync(join(root, name), join(app, name), { recursive: true });
  const packages = productionPackages();
  for (const name of packages)
    cpSync(join(root, name), join(app, name), { recursive: true, filter: isOfOnePackage(name) });
  const prune = /find node_modules .*?-delete/.exec(instructions.join("\n"))?.[0];
  if (prune !== undefined) execFileSync("sh", ["-c", prune], { cwd: app });

  await serveFrom(app, node, data);
  console.log(
    `The image serves with ${packages.length} packages. Its layers in MiB:`,
    ["node_modules", "gen", "src"].map((name) => `${name} ${mebibytes(join(app, name))}`).join(", "),
  );
} finally {
  rmSync(directory, { recursive: true });
}

/** The folders of the packages that `npm ci --omit=dev` installs. */
function productionPackages(): readonly string[] {
  const lock: { packages: Record<string, { dev?: boolean }> } = JSON.parse(read("package-lock.json"));
  return Object.entries(lock.packages).flatMap(([folder, { dev = false }]) =>
    folder !== "" && !dev && existsSync(join(root, folder)) ? [folder] : [],
  );
}

/** Whether a file belongs to this package, and not to a package nested in it. */
function isOfOnePackage(name: string): (file: string) => boolean {
  const inside = join(root, name, "node_modules");
  return (file) => !file.startsWith(inside);
}

/** Starts a server that loads every optional part, and calls it, as the image's health check does. */
async function serveFrom(app: string, node: string, data: string): Promise<void> {
  const keys = join(data, "keys.json");
  const credentials = join(data, "credentials.json");
  const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  writeFileSync(keys, JSON.stringify({ keys: [publicKey.export({ format: "jwk" })] }));
  const env = {
    NODE_ENV: "production",
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1",
    OTEL_EXPORTER_OTLP_TIMEOUT: "100",
    ROLLCALL_CREDENTIALS: credentials,
    ROLLCALL_JWT_JWKS: keys,
    ROLLCALL_JWT_ISSUER: "nobody",
    ROLLCALL_JWT_AUDIENCE: "nobody",
    ROLLCALL_LISTEN: "127.0.0.1:0",
    ROLLCALL_LOG_LEVEL: "error",
    ROLLCALL_METRICS_LISTEN: "127.0.0.1:0",
    ROLLCALL_STORE: `sqlite:${join(data, "rollcall.db")}`,
  };
  const rollcall = (args: readonly string[], more: Record<string, string>) =>
    execFileSync(node, ["src/main.ts", ...args], { cwd: app, env: { ...env, ...more }, ...user, encoding: "utf8" });
  const { token, entry } = JSON.parse(rollcall(["token", "check", "--scopes", "users.read,users.write"], {}));
  writeFileSync(credentials, JSON.stringify({ tokens: [entry] }));

  const server = spawn(node, ["--max-semi-space-size=24", "src/main.ts", "serve"], {
    ...{ cwd: app, env, ...user },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(server, "exit");
  try {
    const line = once(createInterface({ input: server.stdout }), "line");
    const [said] = await Promise.race([line, ended]);
    const url = /http:\/\/[\d.]+:\d+/.exec(String(said))?.[0];
    if (url === undefined) throw new Error("it does not start");
    const client = { ROLLCALL_SERVER: url, ROLLCALL_TOKEN: token };
    rollcall(["health"], client);
    rollcall(["identify", "u1", "--properties", '{"name":"Ada","email":"ada@example.com"}'], client);
    if (user.uid !== undefined && existsSync(join(app, "node_modules/.cache")))
      throw new Error("it wrote beside its data");
  } finally {
    server.kill();
    await ended;
  }
}

function mebibytes(path: string): number {
  const [kibibytes] = execFileSync("du", ["-sk", path], { encoding: "utf8" }).split("\t");
  return Math.round(Number(kibibytes) / 1024);
}
