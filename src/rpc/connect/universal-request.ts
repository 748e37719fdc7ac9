import type { ContextValues } from "@connectrpc/connect";
import type { UniversalServerRequest } from "@connectrpc/connect/protocol";
import { piecesOf } from "../call/body.ts";
import type { Call } from "../call/call.ts";
import { timeoutHeaders } from "../call/deadline.ts";

/** A request whose body has yet to arrive. */
export type UniversalCallRequest = UniversalServerRequest & { readonly body: AsyncIterable<Buffer> };

/**
 * A call's request as Connect's handlers take it.
 *
 * @param hasTimeout whether the call has its deadline; Connect refuses a timeout that cannot be read
 */
export function universalRequest(call: Call, contextValues: ContextValues, hasTimeout: boolean): UniversalCallRequest {
  const { httpVersion, method, path, headers } = call.exchange;
  const header = new Headers();
  for (const [name, values] of Object.entries(headers)) {
    if (name.startsWith(":") || values === undefined) continue;
    for (const value of [values].flat()) header.append(name, value);
  }
  if (hasTimeout) for (const name of Object.values(timeoutHeaders)) header.delete(name);
  // The authority is not used, and some clients send one that no URL may have.
  const url = `http://rollcall${path}`;
  return { httpVersion, method, url, header, body: piecesOf(call), signal: call.signal, contextValues };
}
