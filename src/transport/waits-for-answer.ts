/** Requests that wait for the server, and whose callers hold up nothing. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { constants, type ServerHttp2Stream } from "node:http2";

/** Whether all of the request is there, and no answer waits for its caller to read it: a Watch over health waits so. */
export function streamWaits({ state, writableLength }: ServerHttp2Stream): boolean {
  return state.state === constants.NGHTTP2_STREAM_STATE_HALF_CLOSED_REMOTE && writableLength === 0;
}

/** Resets a stream once nothing has moved on it for so long, unless it waits for the server. */
export function resetWhenStalled(stream: ServerHttp2Stream, timeoutMs: number, onStalled: () => void): void {
  stream.setTimeout(timeoutMs, () => {
    if (streamWaits(stream)) return;
    onStalled();
    stream.close(constants.NGHTTP2_CANCEL);
  });
}

/** As `streamWaits`, over HTTP/1.1. */
export function exchangeWaits({ complete }: IncomingMessage, { writableLength }: ServerResponse): boolean {
  return complete && writableLength === 0;
}
