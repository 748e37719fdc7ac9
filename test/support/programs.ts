/** Where the programs are that tests start. */
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

/** What REDIS_SERVER names, else the first `redis-server` on PATH. Undefined and errors as for `findProgram`. */
export function findRedisServer(env: NodeJS.ProcessEnv): string | undefined {
  return findProgram(env, "REDIS_SERVER", ["redis-server"]);
}

/** What CHROMIUM names, else the first Chromium or Chrome on PATH. Undefined and errors as for `findProgram`. */
export function findChromium(env: NodeJS.ProcessEnv): string | undefined {
  return findProgram(env, "CHROMIUM", ["chromium", "chromium-browser", "google-chrome"]);
}

/**
 * The path of the program that the variable names, else of the first on PATH that is called like one of these; undefined
 * where there is none.
 *
 * @throws Error if the variable names something that cannot be run
 */
function findProgram(env: NodeJS.ProcessEnv, variable: string, names: readonly string[]): string | undefined {
  const named = env[variable];
  if (named !== undefined && named !== "") {
    if (!isProgram(named)) throw new Error(`${variable} is ${named}, which is not a program that can be run`);
    return named;
  }
  const folders = (env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
