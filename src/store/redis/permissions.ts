/** Derives the permissions that the user in Redis needs: every command that the store sends or runs in a script, and its keys. */
import type { Script } from "./script.ts";

interface Permission {
  /** A rule of `ACL SETUSER`: `+zadd`, `+cluster|slots`, `~rollcall:*`. */
  readonly rule: string;
  /** Commands, their words separated by spaces. A user with the permission may run at least one of them. */
  readonly examples: readonly string[];
}

export interface StoreUsage {
  readonly scripts: readonly Script[];
  readonly keyPrefix: string;
  readonly isCluster: boolean;
  readonly database: number;
  readonly waitReplicas: number;
}

/**
 * @param keys one key of each kind, without spaces
 * @returns distinct permissions, sorted
 */
export function neededPermissions(usage: StoreUsage, keys: readonly string[]): readonly Permission[] {
  const own: Record<string, string> = {
    "+eval": "EVAL x 0",
    "+evalsha": "EVALSHA x 0",
    "+time": "TIME",
    // A script runs only if the user may use all of its keys.
    [`~${usage.keyPrefix}*`]: `EVALSHA x ${keys.length} ${keys.join(" ")}`,
    ...(usage.database === 0 ? {} : { "+select": `SELECT ${usage.database}` }),
    ...(usage.waitReplicas === 0 ? {} : { "+wait": "WAIT 0 0" }),
    ...(usage.isCluster ? { "+asking": "ASKING", "+cluster|slots": "CLUSTER SLOTS" } : {}),
  };
  const needed = new Map(Object.entries(own).map(([rule, example]) => [rule, [example]]));
  for (const name of usage.scripts.flatMap(commandsIn)) {
    // Only the scripts know which kind of key a command uses.
    if (!needed.has(`+${name}`)) {
      needed.set(
        `+${name}`,
        keys.map((key) => `${name} ${key} ${key} ${key}`),
      );
    }
  }
  return [...needed].map(([rule, examples]) => ({ rule, examples })).sort((a, b) => (a.rule < b.rule ? -1 : 1));
}

function commandsIn({ source }: Script): string[] {
  return [...source.matchAll(/\b(?:p?call|try)\('(\w+)'/g)].map(([, name = ""]) => name.toLowerCase());
}
