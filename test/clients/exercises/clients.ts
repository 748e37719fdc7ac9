/** The clients that take the steps: programs in other languages, clients of this process, and proxies before one of them. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { StepResult } from "../../scenarios/play.ts";
import { built, type Command, type Language, languages, root, type Tool } from "../languages.ts";
import { runCommand } from "../run-command.ts";
import { bufCurl } from "./buf-curl.ts";
import { curl } from "./curl.ts";
import { grpcJs } from "./grpc-js.ts";
import { type ProxyKind, startProxy } from "./proxies.ts";
import { stepNames, takeSteps, type UsersClient } from "./steps.ts";

/** A toolchain, as `--without` takes it. */
export interface Toolchain {
  readonly key: string;
  readonly name: string;
  readonly tools: readonly Tool[];
  /** Builds its clients. */
  build(): Promise<void>;
}

export interface ExercisedClient {
  readonly name: string;
  /** The key of its toolchain; undefined if it needs none. */
  readonly key?: string;
  /** @param ca the authorities of the server's certificate; undefined for clear text */
  run(url: string, ca: string | undefined): Promise<readonly StepResult[]>;
}

const here = import.meta.dirname;
const runTimeoutMs = 3 * 60_000;
const buildTimeoutMs = 10 * 60_000;
const resultLine = z.strictObject({ step: z.string(), ok: z.boolean(), why: z.string().optional() });

const go = join(built, "exercises", "exercise");
const rust = join(built, "rust");
const contract = join(rust, "contract.binpb");
const venv = join(built, "python");
const target = join(root, "clients", "java", "example", "target");
const javaArgs = [
  ...["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"],
  ...["-cp", [join(target, "rollcall-example.jar"), join(target, "lib", "*")].join(":")],
];

export const toolchains: readonly Toolchain[] = [
  {
    ...toolsOf("go"),
    build: () => run({ program: "go", args: ["build", "-o", go, "."] }, join(here, "go")),
  },
  { ...toolsOf("python"), build: () => buildLanguage("python", venv) },
  { ...toolsOf("java"), build: () => buildLanguage("java", target) },
  {
    key: "rust",
    name: "Rust",
    tools: [{ name: "Cargo", version: { program: "cargo", args: ["--version"] }, atLeast: [1, 88] }],
    async build() {
      mkdirSync(rust, { recursive: true });
      await run({ program: join(root, "node_modules", ".bin", "buf"), args: ["build", "proto", "-o", contract] }, root);
      const args = ["build", "--quiet", "--locked", "--target-dir", rust];
      await run({ program: "cargo", args }, join(here, "rust"), { ROLLCALL_DESCRIPTORS: contract });
    },
  },
];

export const clients: readonly ExercisedClient[] = [
  { name: "grpc-js", run: inProcess(grpcJs) },
  { name: "buf curl", run: inProcess(bufCurl) },
  { name: "curl", run: inProcess(curl) },
  { name: "grpc-js through nginx", run: through("nginx") },
  { name: "grpc-js through HAProxy", run: through("haproxy") },
  { name: "grpc-go", key: "go", run: program(go, "grpc") },
  { name: "connect-go", key: "go", run: program(go, "connect") },
  { name: "grpcio", key: "python", run: program(join(venv, "bin", "python"), join(here, "python", "exercise.py")) },
  { name: "grpc-java", key: "java", run: program("java", ...javaArgs, join(here, "java", "Exercise.java")) },
  { name: "tonic", key: "rust", run: program(join(rust, "debug", "exercise")) },
];

function toolsOf(key: string): Pick<Toolchain, "key" | "name" | "tools"> {
  const { name, tools } = languageOf(key);
  return { key, name, tools };
}

function languageOf(key: string): Language {
  const language = languages.find((one) => one.key === key);
  if (language === undefined) throw new Error(`there is no language ${key}`);
  return language;
}

/** Does nothing where `result` is there: `npm run test:clients` builds the languages first. */
async function buildLanguage(key: string, result: string): Promise<void> {
  if (existsSync(result)) return;
  const { build, folder } = languageOf(key);
  for (const command of build) await run(command, folder);
}

async function run(command: Command, folder: string, env: Readonly<Record<string, string>> = {}): Promise<void> {
  await runCommand(command, { folder, timeoutMs: buildTimeoutMs, env });
}

/** A program that takes all steps, and prints the result of each. */
function program(name: string, ...args: readonly string[]): ExercisedClient["run"] {
  return async (url, ca) => {
    const command = { program: name, args: [...args, url, ...(ca === undefined ? [] : [ca])] };
    const output = await runCommand(command, { folder: root, timeoutMs: runTimeoutMs });
    const lines = output.trim().split("\n");
    const results = lines.map((line) => resultLine.parse(JSON.parse(line)));
    const steps = results.map(({ step }) => step).join();
    if (steps !== stepNames.join()) throw new Error(`the program took the steps ${steps}`);
    return results.map(({ step, ok, why }) => ({ step, ok, ...(why !== undefined && { why }) }));
  };
}

function inProcess(open: (url: string, ca: string | undefined) => UsersClient): ExercisedClient["run"] {
  return (url, ca) => takeSteps(open(url, ca));
}

/** The proxy speaks to the server as `ca` says, and to its own client in clear text. */
function through(kind: ProxyKind): ExercisedClient["run"] {
  return async (url, ca) => {
    const proxy = await startProxy(kind, url, ca);
    try {
      return await takeSteps(grpcJs(proxy.url, undefined));
    } finally {
      await proxy.stop();
    }
  };
}
