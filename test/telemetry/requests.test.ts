import { pino } from "pino";
import { expect, test } from "vitest";
import { observeRequests } from "../../src/telemetry/requests.ts";

/** The number of log lines of each request, in order. */
function logged(accessLogShare: number, requests: number): number[] {
  const lines: string[] = [];
  const logger = pino({ level: "info" }, { write: (line) => void lines.push(line) });
  const observe = observeRequests({ logger, accessLogShare });
  return Array.from({ length: requests }, () => {
    observe({ method: "m", protocol: "grpc", headers: {} }).end("ok", undefined, undefined);
    return lines.splice(0).length;
  });
}

test("a share of requests is logged: none, some, all", () => {
  expect(logged(0, 10)).toEqual(Array(10).fill(0));
  expect(logged(0.5, 6)).toEqual([1, 0, 1, 0, 1, 0]);
  expect(logged(0.01, 100).reduce((sum, count) => sum + count)).toBe(1);
  expect(logged(1, 5)).toEqual(Array(5).fill(1));
});

test("a caller that lacks a scope is logged at any share: one line a second for each caller and method", () => {
  const lines: Record<string, unknown>[] = [];
  const logger = pino({ level: "info" }, { write: (line) => void lines.push(JSON.parse(line)) });
  const observe = observeRequests({ logger, accessLogShare: 0 });
  for (const method of ["Identify", "Identify", "GetUser"]) {
    observe({ method, protocol: "grpc", headers: {} }).end("PermissionDenied", "billing", "SCOPE_MISSING");
  }
  const told = { level: 40, caller: "billing", reason: "SCOPE_MISSING" };
  expect(lines).toMatchObject([
    { ...told, method: "Identify" },
    { ...told, method: "GetUser" },
  ]);
});
