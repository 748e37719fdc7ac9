/** Documents that show commands, each in a block of `sh`, before a block of `json` or `text` with what it prints. */
import { execFile } from "node:child_process";
import { delimiter } from "node:path";
import { promisify } from "node:util";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { expect } from "vitest";

const run = promisify(execFile);
const programs = new URL("../../node_modules/.bin", import.meta.url).pathname;

export interface ShownCommand {
  readonly command: string;
  readonly format: string;
  readonly printed: string;
}

export interface Surroundings {
  /** How the document names a server, and what stands for that here. Those that come first are replaced first. */
  readonly servers: readonly (readonly [shown: string, here: string])[];
  /** Where the commands run. */
  readonly folder?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** All commands of a document, in its order. */
export function shownCommands(document: string): readonly ShownCommand[] {
  const shown = [...document.matchAll(/```sh\n(.*?)```\n\n```(json|text)\n(.*?)```/gs)].map(
    ([, command = "", format = "", printed = ""]) => ({ command, format, printed }),
  );
  expect(document.match(/```sh/g) ?? [], "every command has what it prints").toHaveLength(shown.length);
  return shown;
}

/** Runs the commands in their order, and holds what they print to what the document says. */
export async function expectToPrint(
  shown: readonly ShownCommand[],
  { servers, folder, env }: Surroundings,
): Promise<void> {
  const varying = new VaryingValues();
  const options = {
    cwd: folder,
    env: { ...process.env, ...env, PATH: [programs, process.env["PATH"]].join(delimiter) },
  };
  for (const { command, format, printed } of shown) {
    let here = varying.inPlace(command);
    for (const [name, server] of servers) here = here.replaceAll(name, server);
    const { stdout } = await run("bash", ["-c", here], options);
    if (format === "text") {
      expect(stdout, command).toBe(printed);
      continue;
    }
    const answers = jsonValues(stdout).map(withoutDetailValues);
    const expected = jsonValues(printed).map((value, index) => varying.inPlaceOf(value, answers[index]));
    expect(answers, command).toEqual(expected);
  }
  varying.expectToDiffer();
}

const varyingFields = new Set([
  "etag",
  "created_at",
  "updated_at",
  "version",
  "store_id",
  "generation",
  "next_page_token",
]);

/** What differs each time. The document's values stand for the real ones, also in later commands. */
class VaryingValues {
  readonly #real = new Map<string, string>();

  inPlace(command: string): string {
    return [...this.#real].reduce((text, [shown, real]) => text.replaceAll(shown, real), command);
  }

  /** The document's answer with the real values in the place of its own. */
  inPlaceOf(shown: JsonValue, answer: JsonValue | undefined): JsonValue {
    if (Array.isArray(shown)) {
      return shown.map((item, index) => this.inPlaceOf(item, Array.isArray(answer) ? answer[index] : undefined));
    }
    if (typeof shown !== "object" || shown === null) return shown;
    const beside: JsonObject = typeof answer === "object" && answer !== null && !Array.isArray(answer) ? answer : {};
    const entries = Object.entries(shown).map(([key, value]) => {
      if (!varyingFields.has(key)) return [key, this.inPlaceOf(value, beside[key])] as const;
      const known = this.#real.get(String(value)) ?? String(beside[key]);
      this.#real.set(String(value), known);
      return [key, known] as const;
    });
    return Object.fromEntries(entries);
  }

  /** Where the document's values differ, the real ones do. */
  expectToDiffer(): void {
    expect(new Set(this.#real.values()).size).toBe(this.#real.size);
  }
}

/** JSON values that stand one after the other. */
function jsonValues(source: string): JsonValue[] {
  return source
    .trim()
    .split(/(?<=^\}|\})\n?(?=^\{|\{)/m)
    .map((value) => JSON.parse(value));
}

/** Without the binary form of errors' details, which documents leave out. */
function withoutDetailValues(answer: JsonValue): JsonValue {
  return JSON.parse(JSON.stringify(answer), function (this: JsonObject, key: string, value: JsonValue) {
    return key === "value" && "debug" in this ? undefined : value;
  });
}
