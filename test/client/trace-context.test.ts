import { once } from "node:events";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { context, propagation, TraceFlags, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { expect, onTestFinished, test } from "vitest";
import { createRollcallClient } from "../../src/client/client.ts";

test("a call in a trace sends its trace context", async () => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  const server = createServer();
  onTestFinished(() => {
    context.disable();
    propagation.disable();
    server.close();
  });
  const seen: unknown[] = [];
  server.on("stream", (stream, headers) => {
    seen.push(headers["traceparent"]);
    stream.respond({ ":status": 200, "content-type": "application/grpc", "grpc-status": "5" }, { endStream: true });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = createRollcallClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const spanContext = {
    traceId: "0af7651916cd43dd8448eb211c80319c",
    spanId: "b7ad6b7169203331",
    traceFlags: TraceFlags.SAMPLED,
  };
  const call = () => client.getUser({ id: "u" }).catch(() => {});
  await call();
  await context.with(trace.setSpanContext(context.active(), spanContext), call);
  expect(seen).toEqual([undefined, `00-${spanContext.traceId}-${spanContext.spanId}-01`]);
});
