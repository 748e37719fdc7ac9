/**
 * Adds to package-lock.json the platform-specific optional packages that it lacks.
 *
 * A registry mirror may offer only the builds for its own platform; npm then leaves the others out of the lockfile, and
 * `npm ci` refuses it. Each added entry names version, operating system and CPU, so that npm installs it on that
 * platform and skips it elsewhere. Run it after changing a dependency: `npm run lockfile`.
 */
import { readFileSync, writeFileSync } from "node:fs";

interface LockedPackage {
  version?: string;
  dev?: boolean;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  optionalDependencies?: Record<string, string>;
}

const platforms = ["android", "darwin", "freebsd", "linux", "openharmony", "win32"];
const architectures = ["arm64", "armv7", "arm", "ia32", "ppc64", "riscv64", "s390x", "x64"];

const file = new URL("../package-lock.json", import.meta.url);
const lock: { packages: Record<string, LockedPackage> } = JSON.parse(readFileSync(file, "utf8"));

const added: string[] = [];
for (const parent of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    const path = `node_modules/${name}`;
    const os = platforms.find((platform) => name.includes(platform));
    const cpu = architectures.find((architecture) => name.includes(architecture));
    if (path in lock.packages || os === undefined || cpu === undefined || !/^\d/.test(version)) continue;
    lock.packages[path] = {
      version,
      cpu: [cpu.startsWith("armv") ? "arm" : cpu],
      ...(parent.dev ? { dev: true } : {}),
      ...(name.includes("musl") ? { libc: ["musl"] } : {}),
      optional: true,
      os: [os],
    };
    added.push(`${name}@${version}`);
  }
}

const [root, ...others] = Object.entries(lock.packages);
if (root === undefined) throw new Error("package-lock.json lists no packages");
others.sort(([a], [b]) => a.localeCompare(b, "en"));
lock.packages = Object.fromEntries([root, ...others]);
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
console.log(added.length === 0 ? "package-lock.json is complete" : `added ${added.join(", ")}`);
