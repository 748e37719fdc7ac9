/**
 * Installs the programs that tests need, if they are missing: the ones that its arguments name or, without any, the ones of
 * `npm test`. Those are `redis-server`, `curl`, `openssl` and `tmux`. REDIS_SERVER may name a redis-server that is not on PATH.
 * It uses apt-get or Homebrew, and starts no service. On failure it exits with status 1 and says what to do.
 */
import { spawnSync } from "node:child_process";
import { findChromium, findRedisServer } from "../test/support/programs.ts";

const installTimeoutMs = 5 * 60_000;

interface Program {
  readonly name: string;
  readonly isThere: () => boolean;
  /** The names of its packages. */
  readonly apt: string;
  readonly brew: string;
  /** The variable that may name it if it is not on PATH. */
  readonly variable?: string;
  /** Whether only an argument asks for it. */
  readonly onlyWhereNamed?: true;
}

const programs: readonly Program[] = [
  {
    name: "redis-server",
    isThere: () => findRedisServer(process.env) !== undefined,
    apt: "redis-server",
    brew: "redis",
    variable: "REDIS_SERVER",
  },
  { name: "curl", isThere: () => runs("curl", ["--version"]), apt: "curl", brew: "curl" },
  { name: "openssl", isThere: () => runs("openssl", ["version"]), apt: "openssl", brew: "openssl" },
  { name: "tmux", isThere: () => runs("tmux", ["-V"]), apt: "tmux", brew: "tmux" },
  { name: "nginx", isThere: () => runs("nginx", ["-v"]), apt: "nginx-light", brew: "nginx", onlyWhereNamed: true },
  { name: "haproxy", isThere: () => runs("haproxy", ["-v"]), apt: "haproxy", brew: "haproxy", onlyWhereNamed: true },
  {
    name: "chromium",
    isThere: () => findChromium(process.env) !== undefined,
    apt: "chromium",
    brew: "chromium",
    variable: "CHROMIUM",
    onlyWhereNamed: true,
  },
];

try {
  const missing = asked(process.argv.slice(2)).filter(({ isThere }) => !isThere());
  if (missing.length > 0) install(missing);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

function asked(names: readonly string[]): readonly Program[] {
  if (names.length === 0) return programs.filter(({ onlyWhereNamed }) => onlyWhereNamed !== true);
  return names.map((name) => {
    const program = programs.find((known) => known.name === name);
    if (program === undefined) throw new Error(`expected some of ${programs.map(({ name }) => name).join(", ")}`);
    return program;
  });
}

function install(missing: readonly Program[]): void {
  const names = missing.map(({ name }) => name).join(" and ");
  if (runs("apt-get", ["--version"]))
    installWithApt(
      names,
      missing.map(({ apt }) => apt),
    );
  else if (runs("brew", ["--version"]))
    installWithBrew(
      names,
      missing.map(({ brew }) => brew),
    );
  else throw new Error(`The tests need ${names}: install it.${missing.map(otherwise).join("")}`);

  for (const program of missing) {
    if (!program.isThere()) throw new Error(`${program.name} is installed, but not on PATH.${otherwise(program)}`);
  }
}

function otherwise({ name, variable }: Program): string {
  return variable === undefined ? "" : ` ${variable} may name a ${name} that is not on PATH.`;
}

function installWithApt(names: string, packages: readonly string[]): void {
  const byHand = `apt-get update && apt-get install -y --no-install-recommends ${packages.join(" ")}`;
  const isRoot = process.getuid?.() === 0;
  if (!isRoot && !runs("sudo", ["-n", "true"])) throw new Error(`The tests need ${names}: sudo sh -c '${byHand}'`);

  console.log(`${names}: installing with apt-get`);
  // SYSTEMD_OFFLINE keeps a package from starting its service; without systemd it starts none.
  const environment = ["DEBIAN_FRONTEND=noninteractive", "SYSTEMD_OFFLINE=1"];
  const aptGet = [...(isRoot ? [] : ["sudo", "-n"]), "env", ...environment, "apt-get", "-o", "DPkg::Lock::Timeout=60"];
  run([...aptGet, "update"], byHand);
  run([...aptGet, "install", "-y", "--no-install-recommends", ...packages], byHand);
}

function installWithBrew(names: string, packages: readonly string[]): void {
  console.log(`${names}: installing with brew`);
  run(["brew", "install", "--quiet", ...packages], `brew install ${packages.join(" ")}`);
}

function runs(program: string, args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: "ignore" }).status === 0;
}

/** Runs a command and shows its output only if it fails; the user can run `byHand` instead. */
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
