/** Lets web pages of other origins call from a browser: https://fetch.spec.whatwg.org/#http-cors-protocol */
import { cors as connectCors } from "@connectrpc/connect";
import cors from "cors";
import type { CorsOrigins } from "../../config/cors-origins.ts";
import { endAnswered } from "./dismissal.ts";
import type { NodeHandler } from "./node-requests.ts";

/** What pages may send beside the headers of Connect and gRPC-Web: a token, a trace's context, a request's id. */
const ourHeaders = ["Authorization", "Traceparent", "Tracestate", "X-Request-Id"];
/** How long a browser may remember what it was granted; the common ones take two hours for the most. */
const maxAgeSeconds = 2 * 60 * 60;

/**
 * Tells browsers which pages may read an answer, whatever the answer is, and answers their preflights: these bring no
 * credentials, and lead to no method. Pages bring tokens, so that nothing is granted to what a browser sends by itself (cookies,
 * certificates). A request from another origin goes on as if there were no browser, whose page is shown nothing of the answer.
 *
 * @param origins where there are none, answers have no header of CORS
 * @param handler serves everything but preflights of these origins
 */
export function withCors(origins: CorsOrigins, handler: NodeHandler): NodeHandler {
  if (origins.length === 0) return handler;
  const listed = new Set(origins);
  const grant = cors({
    origin: origins === "*" ? "*" : (origin, answer) => answer(null, listed.has(origin ?? "") && origin),
    methods: [...connectCors.allowedMethods],
    allowedHeaders: [...connectCors.allowedHeaders, ...ourHeaders],
    exposedHeaders: [...connectCors.exposedHeaders],
    maxAge: maxAgeSeconds,
  });
  return (req, res) => {
    // Also for an origin that is not listed, to which another answer to the same URL must not be shown from a cache.
    if (origins !== "*") res.setHeader("Vary", "Origin");
    let isPreflight = true;
    grant(req, res, () => {
      isPreflight = false;
      handler(req, res);
    });
    if (isPreflight) endAnswered(req, res);
  };
}
