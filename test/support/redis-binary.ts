import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

/**
 * The path of the `redis-server` program: what REDIS_SERVER names, else the first one on PATH; undefined where there
 * is none. Throws if REDIS_SERVER names something that cannot be run.
 */
export function findRedisServer(env: NodeJS.ProcessEnv): string | undefined {
  const named = env["REDIS_SERVER"];
  if (named !== undefined && named !== "") {
    if (!isProgram(named)) throw new Error(`REDIS_SERVER is ${named}, which is not a program that can be run`);
    return named;
  }
  const folders = (env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.map((folder) => join(folder, "redis-server")).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
