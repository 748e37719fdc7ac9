import { performance } from "node:perf_hooks";
import { Http2Client } from "./http2-client.ts";
import type { UnaryJob, UnaryResult } from "./jobs.ts";
import { findUsersTemplate, getUserTemplate, identifyTemplate } from "./requests.ts";

const templates = { Identify: identifyTemplate, GetUser: getUserTemplate, FindUsers: findUsersTemplate };
const openLoadTickMs = 1;
const largestValue = 10 ** 8;
/** How long calls may take after the load has ended. */
const lastAnswersMs = 30_000;

/** @param onBegin called when the warm-up is over */
export async function runUnary(job: UnaryJob, onBegin: () => void): Promise<UnaryResult> {
  const template = templates[job.method]();
  const random = randomSource(job.seed);
  const failed = Promise.withResolvers<never>();
  const path = `/rollcall.v1.UserService/${job.method}`;
  const target = { port: job.port, path, mayCompress: job.throughConnect, ca: job.ca };
  const clients = await Promise.all(
    Array.from({ length: job.connections }, () => Http2Client.open(target, failed.reject)),
  );
  let latencies: number[] = [];
  let failures = 0;
  let stopped = false;
  let underWay = 0;
  /** Of the calls due from `measuredFrom` until `measuredTo`: how many have no answer yet, and the latencies of the others. */
  let measuredFrom = Number.POSITIVE_INFINITY;
  let measuredTo = Number.POSITIVE_INFINITY;
  let unanswered = 0;
  const dueLatencies: number[] = [];
  let onIdle = () => {};

  const call = (client: Http2Client, due: number, goesOn: boolean) => {
    template.set(0, Math.floor(random() * job.users), Math.floor(random() * largestValue));
    let answered = false;
    underWay++;
    const isMeasured = due >= measuredFrom && due < measuredTo;
    if (isMeasured) unanswered++;
    client.callUnary(
      {
        onData() {
          answered = true;
        },
        onEnd() {
          const now = performance.now();
          if (answered) latencies.push(now - due);
          else failures++;
          // Calls that fail in the measured seconds count as failures.
          if (isMeasured && (answered || now < measuredTo)) unanswered--;
          if (isMeasured && answered) dueLatencies.push(now - due);
          if (goesOn && !stopped) call(client, now, true);
          if (--underWay === 0) onIdle();
        },
      },
      template.copy(),
    );
  };

  let ticking: NodeJS.Timeout | undefined;
  const { perSecond } = job;
  if (perSecond === undefined) {
    for (const client of clients) {
      for (let i = 0; i < job.inFlight; i++) call(client, performance.now(), true);
      client.flush();
    }
  } else {
    const start = performance.now();
    let sent = 0;
    ticking = setInterval(() => {
      const now = performance.now();
      for (; start + (sent * 1_000) / perSecond <= now; sent++) {
        const client = clients[sent % clients.length];
        if (client !== undefined) call(client, start + (sent * 1_000) / perSecond, false);
      }
      for (const client of clients) client.flush();
    }, openLoadTickMs);
  }

  const after = (seconds: number) =>
    Promise.race([failed.promise, new Promise((resolve) => setTimeout(resolve, seconds * 1_000))]);
  await after(job.warmUpSeconds);
  latencies = [];
  failures = 0;
  const start = performance.now();
  measuredFrom = start;
  const cpu = process.cpuUsage();
  onBegin();
  await after(job.seconds);
  measuredTo = performance.now();
  const seconds = (performance.now() - start) / 1_000;
  const used = process.cpuUsage(cpu);
  const measured = Float64Array.from(latencies).sort();
  const result: Omit<UnaryResult, "due"> = {
    calls: measured.length,
    failures,
    seconds,
    p50: measured[Math.floor(measured.length * 0.5)] ?? 0,
    p99: measured[Math.floor(measured.length * 0.99)] ?? 0,
    cpuSeconds: (used.user + used.system) / 1e6,
  };
  stopped = true;
  clearInterval(ticking);
  if (underWay > 0) {
    await Promise.race([
      failed.promise,
      new Promise<void>((resolve) => {
        onIdle = resolve;
        setTimeout(resolve, lastAnswersMs).unref();
      }),
    ]);
  }
  for (const client of clients) client.close();
  dueLatencies.sort((a, b) => a - b);
  const p99 = dueLatencies[Math.floor(dueLatencies.length * 0.99)] ?? 0;
  return { ...result, due: { p99, worst: dueLatencies.at(-1) ?? 0, unanswered } };
}

/** Numbers from 0 to 1, the same for the same seed: xorshift32. */
function randomSource(seed: number): () => number {
  let state = seed * 2_654_435_769 + 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
