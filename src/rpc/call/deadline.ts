import type { IncomingHttpHeaders } from "node:http";
import { Code, ConnectError } from "@connectrpc/connect";
import { parseTimeout as parseConnectTimeout } from "@connectrpc/connect/protocol-connect";
import { parseTimeout as parseGrpcTimeout } from "@connectrpc/connect/protocol-grpc";

/** The longest delay of Node's timers, about 25 days. A longer one would fire at once. */
const maxTimerMs = 2 ** 31 - 1;

export const timeoutHeaders = { grpc: "grpc-timeout", connect: "connect-timeout-ms" } as const;

/**
 * The timeout of a request, in milliseconds from now; undefined without one. To ask for none, some clients send the longest
 * that the header can hold.
 *
 * @param protocol `grpc`, `grpc-web` or `connect`
 * @returns an error for a header that cannot be read
 */
export function timeoutOf(
  headers: IncomingHttpHeaders,
  protocol: string,
): { readonly timeoutMs?: number | undefined; readonly error?: ConnectError } {
  const isConnect = protocol === "connect";
  const header = headers[isConnect ? timeoutHeaders.connect : timeoutHeaders.grpc]?.toString();
  if (header === undefined) return none;
  const parse = isConnect ? parseConnectTimeout : parseGrpcTimeout;
  const { timeoutMs, error } = parse(header, Number.POSITIVE_INFINITY);
  if (error !== undefined) return { error };
  return timeoutMs !== undefined && timeoutMs <= maxTimerMs ? { timeoutMs } : none;
}

const none = {};

export function deadlineExceeded(): ConnectError {
  return new ConnectError("the operation timed out", Code.DeadlineExceeded);
}
