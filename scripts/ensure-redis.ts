/**
 * Makes sure that there is a `redis-server` program for the tests to start. It takes the one that REDIS_SERVER names or
 * the one on PATH; where there is none, it installs Redis with apt-get or Homebrew, without starting a service. Exits
 * with status 1 and what to do where it cannot.
 */
import { spawnSync } from "node:child_process";
import { findRedisServer } from "../test/support/redis-binary.ts";

const installTimeoutMs = 5 * 60_000;

try {
  if (findRedisServer(process.env) === undefined) install();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

function install(): void {
  if (runs("apt-get", ["--version"])) installWithApt();
  else if (runs("brew", ["--version"])) installWithBrew();
  else throw new Error("The tests need redis-server: install Redis 7 or set REDIS_SERVER to the program's path.");

  if (findRedisServer(process.env) === undefined) {
    throw new Error("Redis is installed, but redis-server is not on PATH: set REDIS_SERVER to the program's path.");
  }
}

function installWithApt(): void {
  const byHand = "apt-get update && apt-get install -y --no-install-recommends redis-server";
  const isRoot = process.getuid?.() === 0;
  if (!isRoot && !runs("sudo", ["-n", "true"])) throw new Error(`The tests need redis-server: sudo sh -c '${byHand}'`);

  console.log("redis-server is not there: installing it with apt-get");
  // SYSTEMD_OFFLINE keeps the package from starting its service; without systemd it starts none.
  const environment = ["DEBIAN_FRONTEND=noninteractive", "SYSTEMD_OFFLINE=1"];
  const aptGet = [...(isRoot ? [] : ["sudo", "-n"]), "env", ...environment, "apt-get", "-o", "DPkg::Lock::Timeout=60"];
  const packages = ["install", "-y", "--no-install-recommends", "redis-server"];
  run([...aptGet, "update"], byHand);
  run([...aptGet, ...packages], byHand);
}

function installWithBrew(): void {
  console.log("redis-server is not there: installing it with brew");
  run(["brew", "install", "--quiet", "redis"], "brew install redis");
}

function runs(program: string, args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: "ignore" }).status === 0;
}

/** Runs a command and shows its output only if it fails; `byHand` is what the reader can run instead. */
function run([program = "", ...args]: readonly string[], byHand: string): void {
  const result = spawnSync(program, args, {
    encoding: "utf8",
    maxBuffer: 64 * 2 ** 20,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: installTimeoutMs,
  });
  if (result.status === 0) return;
  const reason = result.error?.message ?? `exit status ${result.status ?? result.signal}`;
  throw new Error(
    `${result.stdout ?? ""}${result.stderr ?? ""}${[program, ...args].join(" ")}: ${reason}\nTo install it by hand: ${byHand}`,
  );
}
