import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { Redis } from "ioredis";
import { afterEach, describe, expect, it, vi } from "vitest";
import { findRedisServer } from "./programs.ts";
import { type RedisOptions, type RedisProcess, startRedis } from "./redis.ts";

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(options?: RedisOptions): Promise<RedisProcess> {
  const redis = await startRedis(options);
  cleanups.push(() => redis.stop());
  return redis;
}

function clientOf(url: string): Redis {
  const client = new Redis(url);
  cleanups.push(() => client.disconnect());
  return client;
}

async function listenOn(port: number): Promise<number> {
  const server = createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(() => new Promise((resolve) => server.close(() => resolve())));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not a TCP port");
  return address.port;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe("a Redis for a test", () => {
  it("stores what a client sets", async () => {
    const redis = await start();
    const client = clientOf(redis.url);
    await client.set("greeting", "hello");
    expect(await client.get("greeting")).toBe("hello");
  });

  it("runs beside another one", async () => {
    const [one, other] = await Promise.all([start(), start()]);
    await clientOf(one.url).set("key", "one");
    expect(one.port).not.toBe(other.port);
    expect(await clientOf(other.url).get("key")).toBeNull();
  });

  it("restarts empty on the same port", async () => {
    const redis = await start();
    const { pid, port } = redis;
    const client = clientOf(redis.url);
    await client.set("key", "value");
    await redis.restart();
    expect(redis.port).toBe(port);
    expect(redis.pid).not.toBe(pid);
    expect(await clientOf(redis.url).get("key")).toBeNull();
  });

  it("restarts with its data where it writes them down", async () => {
    const redis = await start({ args: ["--appendonly", "yes"] });
    await clientOf(redis.url).set("key", "value");
    await redis.restart();
    expect(await clientOf(redis.url).get("key")).toBe("value");
  });

  it("restarts after it was killed", async () => {
    const redis = await start();
    const { pid } = redis;
    redis.kill("SIGKILL");
    await vi.waitUntil(() => !isAlive(pid));
    await redis.restart();
    expect(await clientOf(redis.url).ping()).toBe("PONG");
  });

  it("frees its port and removes its data when it stops, even while suspended", async () => {
    const redis = await start();
    redis.kill("SIGSTOP");
    await redis.stop();
    await redis.stop();
    expect(isAlive(redis.pid)).toBe(false);
    expect(existsSync(redis.dir)).toBe(false);
    expect(await listenOn(redis.port)).toBe(redis.port);
  });

  it("listens on the port that it is given", async () => {
    const first = await start();
    await first.stop();
    const second = await start({ port: first.port });
    expect(second.port).toBe(first.port);
  });

  it("says so when its port is taken, even by another Redis", async () => {
    const redis = await start();
    await expect(startRedis({ port: redis.port })).rejects.toThrow("Address already in use");
  });

  it("shows what the server said when it does not start", async () => {
    await expect(startRedis({ args: ["--no-such-option", "1"] })).rejects.toThrow("no-such-option");
  });

  it("waits for a server with a password", async () => {
    const redis = await start({ args: ["--requirepass", "secret"] });
    expect(await clientOf(`redis://:secret@127.0.0.1:${redis.port}`).ping()).toBe("PONG");
  });

  it("ends with the process that started it, even when that is killed", async () => {
    const program = `
      import { startRedis } from ${JSON.stringify(new URL("redis.ts", import.meta.url).href)};
      const { port, dir } = await startRedis();
      console.log(JSON.stringify({ port, dir }));
      setInterval(() => {}, 60_000);
    `;
    const starter = spawn(process.execPath, ["--input-type=module", "--eval", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    cleanups.push(() => void starter.kill("SIGKILL"));
    const [line] = await once(starter.stdout, "data");
    const { port, dir }: { port: number; dir: string } = JSON.parse(String(line));
    await expect(listenOn(port)).rejects.toThrow("EADDRINUSE");

    starter.kill("SIGKILL");
    await vi.waitUntil(() => !existsSync(dir), { timeout: 5_000 });
    await vi.waitFor(() => listenOn(port), { timeout: 5_000 });
  });
});

describe("the redis-server program", () => {
  it("is the one that REDIS_SERVER names", () => {
    expect(findRedisServer({ REDIS_SERVER: process.execPath, PATH: "" })).toBe(process.execPath);
  });

  it("is refused by name when REDIS_SERVER cannot be run", () => {
    expect(() => findRedisServer({ ...process.env, REDIS_SERVER: "/no/redis-server" })).toThrow("/no/redis-server");
    expect(() => findRedisServer({ ...process.env, REDIS_SERVER: "/" })).toThrow("not a program");
  });

  it("is missing where neither names it", () => {
    expect(findRedisServer({ PATH: "/no/such/folder" })).toBeUndefined();
  });
});
