/** Builds a language's client, and runs its scenarios and its example beside a server. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import type { StepResult } from "../scenarios/play.ts";
import { readSteps } from "../scenarios/scenario-file.ts";
import { serve } from "../support/processes.ts";
import { startRedis } from "../support/redis.ts";
import { type Language, root } from "./languages.ts";
import { runCommand } from "./run-command.ts";

const buildTimeoutMs = 10 * 60_000;
const scenariosTimeoutMs = 2 * 60_000;
const exampleTimeoutMs = 60_000;

const file = join(root, "test", "scenarios", "users.json");
const steps = readSteps(file).map(({ name }) => name);
const resultLine = z.strictObject({ step: z.string(), ok: z.boolean(), why: z.string().optional() });

export const storeNames = ["SQLite", "Redis"] as const;
export type StoreName = (typeof storeNames)[number];

/** What became of one thing that was tried: each step, and each run of the example. */
export interface Trial {
  readonly what: string;
  readonly store: StoreName;
  readonly kind: "step" | "example";
  /** Undefined where it went well. */
  readonly why: string | undefined;
}

/** @throws Error where there is no client, or where it cannot be built */
export async function buildClient({ folder, build }: Language): Promise<void> {
  if (!existsSync(folder)) throw new Error(`${folder.slice(root.length + 1)} is not there`);
  for (const command of build) await runCommand(command, { folder, timeoutMs: buildTimeoutMs });
}

/** All steps and the example, against a server of their own over an empty store. */
export async function tryClient(language: Language, store: StoreName): Promise<readonly Trial[]> {
  const { url, stop } = await serverOver(store);
  try {
    const results = await runScenarios(language, url);
    const why = await runExample(language, url);
    return [
      ...results.map(({ step, why }): Trial => ({ what: step, store, kind: "step", why })),
      { what: "the example", store, kind: "example", why },
    ];
  } finally {
    await stop();
  }
}

/** A result for each step of the file: one that the runner has not told has failed. */
async function runScenarios({ scenarios, folder }: Language, url: string): Promise<readonly StepResult[]> {
  const command = { ...scenarios, args: [...scenarios.args, url, file] };
  try {
    const told = readResults(await runCommand(command, { folder, timeoutMs: scenariosTimeoutMs }));
    return steps.map((step, index) => {
      const result = told[index];
      if (result?.step !== step)
        return { step, ok: false, why: `the runner told of ${result?.step ?? "nothing"} here` };
      return result.ok ? result : { ...result, why: result.why ?? "the runner does not say why" };
    });
  } catch (error) {
    return steps.map((step) => ({ step, ok: false, why: messageOf(error) }));
  }
}

function readResults(output: string): readonly StepResult[] {
  const lines = output.split("\n").filter((line) => line !== "");
  if (lines.length > steps.length) throw new Error(`the runner told of ${lines.length} steps, not ${steps.length}`);
  return lines.map((line) => {
    const { step, ok, why } = resultLine.parse(JSON.parse(line));
    return { step, ok, ...(ok ? {} : { why: why ?? "the runner does not say why" }) };
  });
}

/** @returns what went wrong */
async function runExample({ example, folder }: Language, url: string): Promise<string | undefined> {
  // Some read where the server is from the environment alone.
  const env = { ROLLCALL_SERVER: url };
  const command = { ...example, args: [...example.args, "--server", url] };
  try {
    await runCommand(command, { folder, timeoutMs: exampleTimeoutMs, env });
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** A server on a free port of 127.0.0.1. */
async function serverOver(store: StoreName): Promise<{ readonly url: string; stop(): Promise<void> }> {
  if (store === "Redis") {
    const redis = await startRedis();
    const server = await serve(redis.url);
    return {
      url: server.url,
      async stop() {
        await server.stop();
        await redis.stop();
      },
    };
  }
  const directory = mkdtempSync(join(tmpdir(), "rollcall-clients-"));
  const server = await serve(`sqlite:${join(directory, "users.db")}`);
  return {
    url: server.url,
    async stop() {
      await server.stop();
      rmSync(directory, { recursive: true });
    },
  };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
