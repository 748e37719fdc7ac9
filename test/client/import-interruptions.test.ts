import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Code } from "@connectrpc/connect";
import { describe, expect, onTestFinished, test } from "vitest";
import { createRollcallClient, ImportInterrupted, importUsers } from "../../src/client/index.ts";
import { startCuttingProxy } from "../support/cutting-proxy.ts";
import {
  counts,
  endless,
  hasty,
  interrupted,
  items,
  nothingRefused,
  protocols,
  servers,
  storedOf,
} from "../support/import-items.ts";
import { startRedis } from "../support/redis.ts";

describe.each(protocols)("over %s", (protocol) => {
  describe("an import whose connection is lost again and again", () => {
    test("resumes from the first unanswered chunk", async () => {
      const [server] = await servers();
      let pieces = 0;
      const proxy = await startCuttingProxy(server.port, () => ++pieces % 5 === 0);
      onTestFinished(() => proxy.stop());
      const client = createRollcallClient({ server: `http://127.0.0.1:${proxy.port}`, protocol });
      let answered = 0;
      const result = await importUsers(
        client,
        items(3_000),
        {
          ...nothingRefused,
          chunkUsers: 100,
          onProgress(progress) {
            expect(progress.answered).toBe(answered + 100);
            answered = progress.answered;
          },
        },
        hasty,
      );
      expect(proxy.cuts).toBeGreaterThan(3);
      expect(result.answered).toBe(3_000);
      expect(result.created + result.unchanged).toBe(3_000);
      const ids = items(3_000).map(({ id }) => id);
      expect(await storedOf(createRollcallClient(server.url), ids)).toBe(3_000);
    });
  });

  describe("an import whose store goes away", () => {
    async function overRedis() {
      const redis = await startRedis({ args: ["--appendonly", "yes", "--appendfsync", "always"] });
      onTestFinished(() => redis.stop());
      const [, client] = await servers({ store: redis.url }, protocol);
      return { redis, client };
    }

    test("resumes when the store is back", async () => {
      const { redis, client } = await overRedis();
      let back: Promise<unknown> | undefined;
      const result = await importUsers(
        client,
        items(5_000),
        {
          ...nothingRefused,
          onProgress() {
            if (back !== undefined) return;
            redis.kill("SIGKILL");
            back = redis.restart();
          },
        },
        hasty,
      );
      await back;
      expect(result).toMatchObject({ answered: 5_000, failed: 0 });
      expect(
        await storedOf(
          client,
          items(5_000).map(({ id }) => id),
        ),
      ).toBe(5_000);
    });

    test("gives up after maxDownMs, and says where to resume", async () => {
      const { redis, client } = await overRedis();
      let now = 0;
      const waited: number[] = [];
      const told: [string | undefined, number][] = [];
      // Time passes only while the import waits.
      const timing = {
        now: () => now,
        random: () => 1,
        wait: async (ms: number) => {
          waited.push(ms);
          now += ms;
          await pause(0);
        },
      };
      const failure: unknown = await importUsers(
        client,
        endless(),
        {
          ...nothingRefused,
          maxDownMs: 2_500,
          onWaiting: ({ reason }, delayMs) => told.push([reason, delayMs]),
          onProgress({ answered }) {
            if (answered >= 1_000 && waited.length === 0) redis.kill("SIGKILL");
          },
        },
        timing,
      ).catch((error: unknown) => error);
      if (!(failure instanceof ImportInterrupted)) expect.fail(`not interrupted: ${failure}`);
      expect(failure.cause).toMatchObject({ code: Code.Unavailable, reason: "STORE_UNAVAILABLE" });
      expect(failure.firstUnanswered).toMatchObject({ position: failure.counts.answered });
      expect(failure.counts.answered).toBeGreaterThanOrEqual(1_000);
      // The server asks for half a second; the wait added to it doubles.
      expect(waited).toEqual([600, 700, 900]);
      expect(told).toEqual(waited.map((delayMs) => ["STORE_UNAVAILABLE", delayMs]));
    });
  });

  test("an import that the server refuses ends at once", async () => {
    const directory = mkdtempSync(join(tmpdir(), "rollcall-import-"));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const credentials = join(directory, "credentials.json");
    writeFileSync(
      credentials,
      JSON.stringify({ tokens: [{ name: "a", sha256: "ab".repeat(32), scopes: ["users.read"] }] }),
    );
    const [, client] = await servers({ access: { credentials } }, protocol);
    const failure = await interrupted(client, items(1), {});
    expect(failure.cause).toMatchObject({ code: Code.Unauthenticated, reason: "CREDENTIALS_INVALID" });
    expect(failure.firstUnanswered?.position).toBe(0);
    expect(failure.counts).toEqual(counts({}));
  });

  describe("an import whose token is revoked meanwhile", () => {
    /** The reasons that the import waits for, and its end: success or the failure. */
    async function revokeOnTheWay(tokenAfterwards: string) {
      const directory = mkdtempSync(join(tmpdir(), "rollcall-import-"));
      onTestFinished(() => rmSync(directory, { recursive: true }));
      const credentials = join(directory, "credentials.json");
      const accept = (token: string) => {
        const sha256 = createHash("sha256").update(token).digest("hex");
        writeFileSync(credentials, JSON.stringify({ tokens: [{ name: token, sha256, scopes: ["users.write"] }] }));
      };
      accept("first");
      const [server] = await servers({ access: { credentials }, limits: { recheckMs: 20 } });
      let token = "first";
      const client = createRollcallClient({ server: server.url, protocol, token: () => token });
      const reasons: unknown[] = [];
      const goesOn = new AbortController();
      let isRevoked = false;
      const failure = await interrupted(client, endless(), {
        signal: goesOn.signal,
        onWaiting({ reason }) {
          reasons.push(reason);
          token = tokenAfterwards;
        },
        onProgress() {
          if (reasons.length > 0) goesOn.abort();
          if (isRevoked) return;
          isRevoked = true;
          accept("second");
        },
      });
      return { reasons, code: failure.cause.code, answered: failure.counts.answered };
    }

    test("resumes with another", async () => {
      const seen = await revokeOnTheWay("second");
      expect(seen).toMatchObject({ reasons: ["CREDENTIALS_INVALID"], code: Code.Canceled });
    });

    test("ends without another", async () => {
      const seen = await revokeOnTheWay("third");
      expect(seen).toMatchObject({ reasons: ["CREDENTIALS_INVALID"], code: Code.Unauthenticated });
      expect(seen.answered).toBeGreaterThan(0);
    });
  });
});
