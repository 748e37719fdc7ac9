/** Once an answer is sent, the rest of its request does not matter: the client need not send it, nor end it. */
import { constants, type ServerHttp2Stream } from "node:http2";
import { letGo } from "../request-body.ts";
import type { NodeRequest, NodeResponse } from "./node-requests.ts";

/** For an answer with a body; called before it is written. */
export function dismissOnceAnswered(req: NodeRequest, res: NodeResponse): void {
  if ("stream" in res) {
    // After the trailers, which the response sends at this event.
    res.stream.once("wantTrailers", () => dismiss(req, res.stream));
  } else {
    res.once("finish", () => letGo(req));
  }
}

/** For an answer without a body, for which no trailers are asked; called once it has ended. */
export function dismissAnswered(req: NodeRequest, res: NodeResponse): void {
  if ("stream" in res) dismiss(req, res.stream);
  else letGo(req);
}

/**
 * The same, for a request that has no business with a body. HTTP/1.1 knows no other way to be rid of one than to end the
 * connection.
 */
export function endAnswered(req: NodeRequest, res: NodeResponse): void {
  dismissAnswered(req, res);
  if ("stream" in res) return;
  res.once("finish", () => {
    if (!req.complete) req.destroy();
  });
}

/** RFC 9113, section 8.1, provides for this. */
function dismiss(req: NodeRequest, stream: ServerHttp2Stream): void {
  if (req.complete) return;
  setImmediate(() => stream.close(constants.NGHTTP2_NO_ERROR));
  letGo(req);
}
