/** The users in Redis that docs/operating.md says Rollcall needs. */
import { readFileSync } from "node:fs";
import type { Redis } from "ioredis";

const text = readFileSync(new URL("../../docs/operating.md", import.meta.url), "utf8");

/** Words of `ACL SETUSER` after the user's name. */
type Rules = readonly string[];

const [server = [], cluster = [], sentinel = []]: Rules[] = [...text.matchAll(/^ {4}ACL SETUSER rollcall (.*)$/gm)].map(
  ([, rules = ""]) => rules.split(" "),
);

const [, verify = ""] = /^\| `(.*)` \| This user runs `rollcall verify`/m.exec(text) ?? [];

/** As the document has them, by where they are needed; `verify` in addition. */
export const documented = { server, cluster, sentinel, verify: verify.split(" ") };

const password = "PASSWORD";

/** The commands that rules allow: `zadd`, `cluster|slots`. */
export function commandsOf(rules: Rules): string[] {
  return rules.flatMap((rule) => (rule.startsWith("+") ? rule.slice(1) : []));
}

/** Creates the user `rollcall`. */
export async function createUser(admin: Redis, rules: Rules): Promise<void> {
  await admin.call("ACL", "SETUSER", "rollcall", ...rules);
}

export async function allow(admin: Redis, command: string): Promise<void> {
  await admin.call("ACL", "SETUSER", "rollcall", `+${command}`);
}

export async function forbid(admin: Redis, command: string): Promise<void> {
  await admin.call("ACL", "SETUSER", "rollcall", `-${command}`);
}

/** The URL with that user and its password. */
export function asUser(url: string): string {
  return url.replace("://", `://rollcall:${password}@`);
}
