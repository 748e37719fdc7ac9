/**
 * Holds `src` to its layers: which folders each may import, which packages, and that no folders import one another in a circle.
 * docs/architecture.md draws them. Prints each import that breaks a rule, and ends with status 1 if there are any.
 *
 * Usage: node scripts/check-layers.ts [FOLDER]
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

/** What the files of each folder may import of the others: all of a folder, or one file. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  users: [],
  rate: [],
  http2: ["rate"],
  config: ["users/indexes/indexed-property.ts", "users/limits.ts"],
  telemetry: ["config"],
  credentials: ["config", "users"],
  client: ["users/errors.ts", "users/field-path.ts", "users/limits.ts", "users/observed-at.ts", "users/struct"],
  store: ["config", "telemetry", "users"],
  rpc: ["config", "credentials", "rate", "telemetry", "users"],
  transport: ["config", "credentials", "http2", "rate", "rpc", "telemetry"],
  server: ["config", "credentials", "rpc", "store", "telemetry", "transport", "users"],
  cli: ["client", "config", "credentials", "server", "store", "telemetry", "users"],
  "main.ts": ["cli"],
};

/** Packages that a folder has nothing to do with. */
const foreignPackages: Readonly<Record<string, RegExp>> = {
  users: /^(@connectrpc\/.*|ioredis|node:sqlite)$/,
};

interface Import {
  readonly from: string;
  /** A file of the same root, or a package. */
  readonly to: string;
  readonly isPackage: boolean;
}

function importsOf(root: string): Import[] {
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
  return files.flatMap((from) => {
    const text = readFileSync(join(root, from), "utf8");
    return [...text.matchAll(/^(?:import|export|\}).*? from "(.+)";|^import "(.+)";|\bimport\("(.+?)"\)/gm)].map(
      (found) => {
        const specifier = found[1] ?? found[2] ?? found[3] ?? "";
        const isPackage = !specifier.startsWith(".");
        return { from, to: isPackage ? specifier : normalize(join(dirname(from), specifier)), isPackage };
      },
    );
  });
}

function isAllowed({ from, to, isPackage }: Import): boolean {
  const [folder = ""] = from.split("/");
  if (isPackage) return !foreignPackages[folder]?.test(to);
  const allowed = [folder, ...(mayImport[folder] ?? [])];
  return allowed.some((path) => to === path || to.startsWith(`${path}/`));
}

/** Folders that import one another in a circle: folders of one parent, at every depth. */
function circles(imports: readonly Import[]): string[] {
  const imported = new Map<string, Map<string, string>>();
  for (const { from, to } of imports) {
    const [a, b] = [from.split("/"), to.split("/")];
    const at = a.findIndex((part, index) => part !== b[index]);
    // A file beside a folder is not one of two folders.
    if (at < 0 || at >= a.length - 1 || at >= b.length - 1) continue;
    const [folder, other] = [a.slice(0, at + 1).join("/"), b.slice(0, at + 1).join("/")];
    const others = imported.get(folder) ?? new Map<string, string>();
    imported.set(folder, others.set(other, `${from} imports ${to}`));
  }
  const found = new Set<string>();
  const follow = (folder: string, path: readonly string[]) => {
    const before = path.indexOf(folder);
    if (before >= 0) {
      const circle = path.slice(before);
      // Each circle is met from each of its folders.
      if (circle.every((name) => name >= folder)) {
        const steps = circle.map((name, index) => imported.get(name)?.get(circle[index + 1] ?? folder));
        found.add(`${[...circle, folder].join(" → ")}: ${steps.join("; ")}`);
      }
      return;
    }
    for (const other of imported.get(folder)?.keys() ?? []) follow(other, [...path, folder]);
  };
  for (const folder of imported.keys()) follow(folder, []);
  return [...found];
}

const root = process.argv[2] ?? join(import.meta.dirname, "..", "src");
const all = importsOf(root);
const faults = [
  ...all.filter((found) => !isAllowed(found)).map(({ from, to }) => `${from} imports ${to}, which its layer may not`),
  ...circles(all.filter(({ isPackage }) => !isPackage)).map((circle) => `folders in a circle: ${circle}`),
];
for (const fault of faults) console.error(fault);
process.exitCode = faults.length > 0 ? 1 : 0;
