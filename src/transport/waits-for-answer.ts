/** Requests that wait for the server, and whose callers hold up nothing. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { constants, type ServerHttp2Stream } from "node:http2";

/** Whether all of the request is there, and no answer waits for its caller to read it: a Watch over health waits so. */
export function streamWaits({ state, writableLength }: ServerHttp2Stream): boolean {
  return state.state === constants.NGHTTP2_STREAM_STATE_HALF_CLOSED_REMOTE && writableLength === 0;
}

/** The same, over HTTP/1.1. */
export function exchangeWaits({ complete }: IncomingMessage, { writableLength }: ServerResponse): boolean {
  return complete && writableLength === 0;
}
