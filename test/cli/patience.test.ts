import { Code, ConnectError } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { patiently } from "../../src/cli/export/patience.ts";

const server = "http://127.0.0.1:1";
const away = new ConnectError("connect ECONNREFUSED 127.0.0.1:1", Code.Unavailable);
const slow = new ConnectError("the operation timed out", Code.DeadlineExceeded);

/** Attempts whose clock stands still but for what they wait. */
function patient(maxDownSeconds: number) {
  let time = 0;
  const said: string[] = [];
  const attempts = patiently(
    { server, maxDownSeconds, say: (line) => said.push(line) },
    {
      now: () => time,
      random: () => 0.5,
      wait: async (ms) => {
        time += ms;
      },
    },
  );
  const answer = () => attempts(async () => "answer");
  /** Fails so many times before it answers. */
  const failing = (failures: readonly Error[]) => {
    const left = [...failures];
    return attempts(async () => {
      const failure = left.shift();
      if (failure !== undefined) throw failure;
      return "answer";
    });
  };
  return { answer, failing, said, waitedMs: () => time };
}

test("a server that has answered is waited for, which is said once", async () => {
  const { answer, failing, said } = patient(300);
  await answer();
  expect(await failing([away, away, slow, away])).toBe("answer");
  expect(said).toEqual([`waiting for ${server}: connect ECONNREFUSED 127.0.0.1:1`, "the server answers again"]);
});

test("one that stays away is given up after the time that it may be, which begins anew with each answer", async () => {
  const { answer, failing, waitedMs } = patient(60);
  await answer();
  await failing(Array.from({ length: 15 }, () => away));
  const before = waitedMs();
  await expect(failing(Array.from({ length: 100 }, () => away))).rejects.toThrow(
    `gave up after --max-down 60 seconds: cannot reach ${server}`,
  );
  expect(waitedMs() - before).toBeGreaterThan(50_000);
  expect(waitedMs() - before).toBeLessThanOrEqual(60_000);
});

test("one that has never answered is told of at once, and so is what waiting does not mend", async () => {
  const { answer, failing, said } = patient(300);
  await expect(failing([away])).rejects.toBe(away);
  await answer();
  const denied = new ConnectError("no", Code.PermissionDenied);
  await expect(failing([denied])).rejects.toBe(denied);
  expect(said).toEqual([]);
});
