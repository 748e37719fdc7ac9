import { performance } from "node:perf_hooks";
import { fromBinary } from "@bufbuild/protobuf";
import { BatchIdentifyResponseSchema } from "../../gen/es/rollcall/v1/user_service_pb.js";
import { Http2Client } from "./http2-client.ts";
import type { BatchJob, BatchResult } from "./jobs.ts";
import { batchTemplate, type RequestTemplate } from "./requests.ts";

const prefixBytes = 5;

/** Sends every user once and waits for all answers. */
export async function runBatch(job: BatchJob, onBegin: () => void): Promise<BatchResult> {
  const counts = { created: 0, updated: 0, unchanged: 0, failed: 0 };
  let next = job.from;
  const templates = new Map<number, RequestTemplate>();
  const nextMessage = (): Buffer | undefined => {
    const count = Math.min(job.perMessage, job.to - next);
    if (count <= 0) return undefined;
    const template = templates.get(count) ?? batchTemplate(count, job.properties);
    templates.set(count, template);
    for (let item = 0; item < count; item++) template.set(item, next + item, job.value);
    next += count;
    return template.copy();
  };

  const failed = Promise.withResolvers<never>();
  const path = "/rollcall.v1.UserService/BatchIdentify";
  const clients = await Promise.all(
    Array.from({ length: job.connections }, () =>
      Http2Client.open({ port: job.port, path, mayCompress: job.throughConnect }, failed.reject),
    ),
  );
  const start = performance.now();
  const cpu = process.cpuUsage();
  onBegin();
  const streams = clients.map((client) => runStream(client, nextMessage, job.messagesInFlight, counts));
  await Promise.race([Promise.all(streams), failed.promise]);
  const seconds = (performance.now() - start) / 1_000;
  const used = process.cpuUsage(cpu);
  for (const client of clients) client.close();
  return { users: job.to - job.from, seconds, ...counts, cpuSeconds: (used.user + used.system) / 1e6 };
}

function runStream(
  client: Http2Client,
  nextMessage: () => Buffer | undefined,
  messagesInFlight: number,
  counts: { created: number; updated: number; unchanged: number; failed: number },
): Promise<void> {
  const first = nextMessage();
  if (first === undefined) return Promise.resolve();
  return new Promise((resolve, reject) => {
    let unanswered = 1;
    let ended = false;
    let rest: Buffer = Buffer.alloc(0);
    const sendMore = () => {
      while (!ended && unanswered < messagesInFlight) {
        const message = nextMessage();
        if (message === undefined) {
          ended = true;
          return;
        }
        unanswered++;
        client.send(id, message);
      }
    };
    const handler = {
      onData(piece: Buffer) {
        rest = Buffer.concat([rest, piece]);
        while (rest.length >= prefixBytes && rest.length >= prefixBytes + rest.readUInt32BE(1)) {
          const end = prefixBytes + rest.readUInt32BE(1);
          const answer = fromBinary(BatchIdentifyResponseSchema, rest.subarray(prefixBytes, end));
          for (const name of ["created", "updated", "unchanged", "failed"] as const) counts[name] += answer[name];
          rest = rest.subarray(end);
          unanswered--;
        }
        sendMore();
        if (ended && unanswered === 0) client.end(id);
      },
      onEnd() {
        if (ended && unanswered === 0) resolve();
        else reject(new Error("the stream ended before everything was answered"));
      },
    };
    const id = client.call(handler, first, false);
    sendMore();
    client.flush();
  });
}
