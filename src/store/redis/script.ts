import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

/** A Lua script, and the digest by which a server runs it. */
export interface Script {
  readonly source: string;
  readonly sha: string;
}

/** Files that make one Lua function. The last one ends with what it returns. */
interface FunctionOfFiles {
  readonly name: string;
  /** A local of the script. If it is false or nil, the function is not made, and `name` is nil. */
  readonly condition?: string;
  readonly files: readonly string[];
}

/**
 * Puts files into a function of a script. A script makes all of its functions anew each time it runs, which can take longer than its
 * work; those in here are made when this one is called. It may use at most 60 of the script's locals.
 */
export function onDemand(name: string, ...files: readonly string[]): FunctionOfFiles {
  return { name, files };
}

/** The same, of a function that only some runs need: those in which a local of the script is true. */
export function onDemandIf(condition: string, name: string, ...files: readonly string[]): FunctionOfFiles {
  return { condition, name, files };
}

/** Concatenates files to a script. */
export function loadScript(...parts: readonly (string | FunctionOfFiles)[]): Script {
  const read = (name: string) => readFileSync(new URL(`./scripts/${name}.lua`, import.meta.url), "utf8");
  const functionOf = ({ name, condition, files }: FunctionOfFiles) => {
    const body = `()\n${files.map(read).join("\n")}end\n`;
    return condition === undefined
      ? `local function ${name}${body}`
      : `local ${name}\nif ${condition} then\n${name} = function${body}end\n`;
  };
  const source = parts.map((part) => (typeof part === "string" ? read(part) : functionOf(part))).join("\n");
  return { source, sha: createHash("sha1").update(source).digest("hex") };
}

export type ScriptArgument = string | number | Buffer;

/** One read of a hash, without a script. */
export interface HashRead {
  readonly keys: readonly [string | Buffer];
  readonly fields: readonly string[];
  readonly writes: false;
}

export type RedisCall = ScriptCall | HashRead;

/** One run of a script. */
export interface ScriptCall {
  readonly script: Script;
  /** Bytes if they may not be UTF-8. */
  readonly keys: readonly (string | Buffer)[];
  readonly args: readonly ScriptArgument[];
  /**
   * Whether it writes. Then the script gets two more arguments at the end: the time, in microseconds of the server's clock,
   * after which it must apply nothing; and 1 if it must write something in any case, else 0.
   */
  readonly writes: boolean;
}
