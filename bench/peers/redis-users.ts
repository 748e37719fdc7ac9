/**
 * Users in Redis as a competent user of ioredis keeps them: a hash for each user, with a field for each property, changed
 * by one script a call.
 */
import { readFileSync } from "node:fs";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { Redis, type Result } from "ioredis";

/** The peer in Go runs the same script. */
const identifyScript = readFileSync(new URL("./go/users/identify.lua", import.meta.url), "utf8");

declare module "ioredis" {
  interface RedisCommander<Context> {
    identify(key: string, ...namesAndValues: string[]): Result<[number, string[]], Context>;
  }
}

export interface PeerUser {
  readonly id: string;
  readonly properties: JsonObject;
  /** Microseconds since 1970. */
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface PeerIdentified {
  /** 1 created, 2 updated, 3 unchanged: the contract's numbers. */
  readonly outcome: number;
  readonly user: PeerUser;
}

export class RedisUsers {
  readonly #redis: Redis;

  constructor(url: string) {
    this.#redis = new Redis(url, { enableAutoPipelining: true });
    this.#redis.defineCommand("identify", { numberOfKeys: 1, lua: identifyScript });
  }

  async identify(id: string, properties: JsonObject): Promise<PeerIdentified> {
    return identified(id, await this.#redis.identify(keyOf(id), ...namesAndValues(properties)));
  }

  /** All of them in one pipeline. */
  async identifyAll(users: readonly { id: string; properties: JsonObject }[]): Promise<PeerIdentified[]> {
    const pipeline = this.#redis.pipeline();
    for (const { id, properties } of users) pipeline.identify(keyOf(id), ...namesAndValues(properties));
    const results = (await pipeline.exec()) ?? [];
    return results.map(([error, result], index) => {
      if (error !== null) throw error;
      return identified(users[index]?.id ?? "", result as [number, string[]]);
    });
  }

  async get(id: string): Promise<PeerUser | undefined> {
    const fields = await this.#redis.hgetall(keyOf(id));
    return Object.keys(fields).length === 0 ? undefined : userOf(id, Object.entries(fields));
  }

  close(): void {
    this.#redis.disconnect();
  }
}

function keyOf(id: string): string {
  return `user:${id}`;
}

function namesAndValues(properties: JsonObject): string[] {
  return Object.entries(properties).flatMap(([name, value]) => [name, JSON.stringify(value)]);
}

function identified(id: string, [outcome, hash]: [number, string[]]): PeerIdentified {
  const fields: [string, string][] = [];
  for (let i = 0; i + 1 < hash.length; i += 2) fields.push([hash[i] ?? "", hash[i + 1] ?? ""]);
  return { outcome, user: userOf(id, fields) };
}

function userOf(id: string, fields: readonly (readonly [string, string])[]): PeerUser {
  const properties: JsonObject = Object.create(null);
  let createdAt = 0;
  let updatedAt = 0;
  for (const [name, value] of fields) {
    if (name === "@created") createdAt = Number(value);
    else if (name === "@updated") updatedAt = Number(value);
    else properties[name] = JSON.parse(value) as JsonValue;
  }
  return { id, properties, createdAt, updatedAt };
}
