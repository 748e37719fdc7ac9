/** Builds a language's client, and runs its first call, its scenarios and its example beside a server. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import type { StepResult } from "../scenarios/play.ts";
import { readSteps } from "../scenarios/scenario-file.ts";
import type { Http2Layer } from "../support/http2-layers.ts";
import { messageOf } from "../support/message-of.ts";
import { serve } from "../support/processes.ts";
import { startRedis } from "../support/redis.ts";
import { switchIndexes } from "../support/switch-indexes.ts";
import { type Language, root } from "./languages.ts";
import { runCommand } from "./run-command.ts";
import { runExample } from "./try-example.ts";

const buildTimeoutMs = 10 * 60_000;
const scenariosTimeoutMs = 2 * 60_000;
const firstCallTimeoutMs = 60_000;
/** The properties of the first call in every language. */
const firstUser = ["Ada", "ada@example.com"];

interface Scenario {
  readonly kind: "step" | "mismatch";
  readonly file: string;
  readonly steps: readonly string[];
}

const scenarios = [scenario("step", "users.json"), scenario("mismatch", "mismatches.json")];

function scenario(kind: Scenario["kind"], name: string): Scenario {
  const file = join(root, "test", "scenarios", name);
  return { kind, file, steps: readSteps(file).map((step) => step.name) };
}

const resultLine = z.strictObject({ step: z.string(), ok: z.boolean(), why: z.string().optional() });

/** What the steps look for. */
const indexed = "email:fold,plan";
const storeNames = ["SQLite", "Redis"] as const;

/** What a server has, and the report's name for it. */
export interface Setting {
  readonly store: (typeof storeNames)[number];
  readonly http2: Http2Layer;
  readonly name: string;
}

export function settingsOf(layers: readonly Http2Layer[]): readonly Setting[] {
  return layers.flatMap((http2) => storeNames.map((store) => ({ store, http2, name: `${store}, ${http2}` })));
}

/** The result of one trial: the first call, a step, a step that must fail, or the example. */
export interface Trial {
  readonly what: string;
  /** The name of the server's setting. */
  readonly setting: string;
  readonly kind: "firstCall" | Scenario["kind"] | "example";
  /** The reason of a failure; undefined on success. */
  readonly why: string | undefined;
}

/** @throws Error if the client is missing or does not build */
export async function buildClient({ folder, build }: Language): Promise<void> {
  if (!existsSync(folder)) throw new Error(`${folder.slice(root.length + 1)} is not there`);
  for (const command of build) await runCommand(command, { folder, timeoutMs: buildTimeoutMs });
}

/**
 * Runs the first call, all steps and the example, with their own server over an empty store.
 *
 * @throws Error if the runner does not reach the end of a file, or prints other lines than results
 */
export async function tryClient(language: Language, setting: Setting): Promise<readonly Trial[]> {
  const { url, stop } = await serverOf(setting);
  try {
    const firstCall = await makeFirstCall(language, url);
    const trials: Trial[] = [{ what: "the first call", setting: setting.name, kind: "firstCall", why: firstCall }];
    for (const scenario of scenarios) trials.push(...(await tryScenario(language, scenario, url, setting.name)));
    const why = await runExample(language, url);
    return [...trials, { what: "the example", setting: setting.name, kind: "example", why }];
  } finally {
    await stop();
  }
}

/** A trial for each step of the file. A step without a result has failed. */
async function tryScenario(
  { scenarios, folder }: Language,
  { kind, file, steps }: Scenario,
  url: string,
  setting: string,
): Promise<readonly Trial[]> {
  const command = { ...scenarios, args: [...scenarios.args, url, file] };
  const results = readResults(await runCommand(command, { folder, timeoutMs: scenariosTimeoutMs }));
  if (results.length > steps.length)
    throw new Error(`the runner printed ${results.length} results for ${steps.length} steps`);
  return steps.map((what, index) => ({ what, setting, kind, why: whyFailed(kind, what, results[index]) }));
}

function whyFailed(kind: Scenario["kind"], step: string, result: StepResult | undefined): string | undefined {
  if (result?.step !== step) return `the runner printed a result of ${result?.step ?? "no step"} here`;
  if (kind === "mismatch") return result.ok ? "the runner reported a match" : undefined;
  return result.ok ? undefined : (result.why ?? "the runner gave no reason");
}

function readResults(output: string): readonly StepResult[] {
  const lines = output.split("\n").filter((line) => line !== "");
  return lines.map((line) => {
    const { step, ok, why } = resultLine.parse(JSON.parse(line));
    return { step, ok, ...(why === undefined ? {} : { why }) };
  });
}

/** @returns the reason of a failure */
async function makeFirstCall({ firstCall, folder }: Language, url: string): Promise<string | undefined> {
  const env = { ROLLCALL_SERVER: url };
  try {
    const printed = await runCommand(firstCall, { folder, timeoutMs: firstCallTimeoutMs, env });
    const missing = firstUser.find((value) => !printed.includes(value));
    return missing === undefined ? undefined : `it does not print ${missing}, but:\n${printed}`;
  } catch (error) {
    return messageOf(error);
  }
}

/** A server on a free port of 127.0.0.1. */
async function serverOf({ store, http2 }: Setting): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const args = ["--http2", http2];
  if (store === "Redis") {
    const redis = await startRedis();
    const server = await serve(redis.url, args);
    await switchIndexes(redis.url, indexed, server.url);
    return {
      url: server.url,
      async stop() {
        await server.stop();
        await redis.stop();
      },
    };
  }
  const directory = mkdtempSync(join(tmpdir(), "rollcall-clients-"));
  const file = `sqlite:${join(directory, "users.db")}`;
  const server = await serve(file, args);
  await switchIndexes(file, indexed, server.url);
  return {
    url: server.url,
    async stop() {
      await server.stop();
      rmSync(directory, { recursive: true });
    },
  };
}
