/**
 * The version before this one, in processes of its own: servers and commands run from its sources, which are packed in
 * test/old-version/. The first use unpacks them in `.tools/`.
 */
import { execFile } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual, promisify } from "node:util";
import { type Finished, rollcallAlone, type ServeProcess, serve } from "./processes.ts";

const run = promisify(execFile);
const checkout = join(import.meta.dirname, "..", "..");
const maxLockfileBytes = 16 * 2 ** 20;
const [prefix, suffix] = ["rollcall-", ".tar.gz"];

export const oldVersion = findOldVersion(join(checkout, "test", "old-version"));

export interface OldVersion {
  readonly version: string;
  /** The path of its packed sources: what a server runs from, and what `npm ci` reads. */
  readonly archive: string;
}

/** @throws Error unless exactly one version lies in the folder */
export function findOldVersion(folder: string): OldVersion {
  const names = readdirSync(folder).filter((name) => name.startsWith(prefix) && name.endsWith(suffix));
  const [name, ...others] = names;
  if (name === undefined || others.length > 0) {
    throw new Error(`${folder} must hold one packed version, as ${prefix}0.1.0${suffix}, and holds ${names.length}`);
  }
  return { version: name.slice(prefix.length, -suffix.length), archive: join(folder, name) };
}

/** `rollcall serve` of the old version, as `serve` of this one. */
export async function serveOld(store: string, args: readonly string[] = []): Promise<ServeProcess> {
  return serve(store, args, undefined, {}, await oldProgram());
}

/** Runs a command of the old version to its end. */
export async function rollcallOld(args: readonly string[]): Promise<Finished> {
  return rollcallAlone(args, {}, await oldProgram());
}

let unpacked: Promise<string> | undefined;

async function oldProgram(): Promise<string> {
  unpacked ??= unpackOldVersion(checkout);
  return join(await unpacked, "src", "main.ts");
}

/**
 * Unpacks the old version in `.tools/` of a checkout, with its dependencies: those of the checkout where the lockfiles agree,
 * else its own. Several processes may do so at once.
 *
 * @returns its folder
 */
export async function unpackOldVersion(root: string): Promise<string> {
  const tools = join(root, ".tools");
  const sharesDependencies = await hasSameDependencies(root);
  const folder = join(tools, `rollcall-${oldVersion.version}${sharesDependencies ? "" : "-installed"}`);
  if (existsSync(folder)) return folder;

  mkdirSync(tools, { recursive: true });
  const unfinished = mkdtempSync(`${folder}.`);
  try {
    await run("tar", ["-xzf", oldVersion.archive, "-C", unfinished]);
    if (sharesDependencies) symlinkSync(join("..", "..", "node_modules"), join(unfinished, "node_modules"));
    else await run("npm", ["ci", "--omit=dev", "--ignore-scripts"], { cwd: unfinished, env: withoutNpm(process.env) });
    renameSync(unfinished, folder);
  } catch (error) {
    rmSync(unfinished, { recursive: true });
    // Another process was faster.
    if (!existsSync(folder)) throw error;
  }
  return folder;
}

/** Whether both versions run with the same packages, down to the last one. */
async function hasSameDependencies(root: string): Promise<boolean> {
  const unpack = ["-xzOf", oldVersion.archive, "package-lock.json"];
  const { stdout } = await run("tar", unpack, { maxBuffer: maxLockfileBytes });
  const present = readFileSync(join(root, "package-lock.json"), "utf8");
  return isDeepStrictEqual(dependenciesIn(stdout), dependenciesIn(present));
}

function dependenciesIn(lockfile: string): unknown {
  const { packages }: { packages: Record<string, Record<string, unknown>> } = JSON.parse(lockfile);
  const own = packages[""]?.["dependencies"];
  return [own, Object.entries(packages).filter(([path, { dev }]) => path !== "" && dev !== true)];
}

/** Without what npm tells the scripts that it runs, and would take for its own options. */
function withoutNpm(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith("npm_")));
}
