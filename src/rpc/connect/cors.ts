/** Lets web pages of other origins call from a browser: https://fetch.spec.whatwg.org/#http-cors-protocol */
import { cors as connectCors } from "@connectrpc/connect";
import cors from "cors";
import type { CorsOrigins } from "../../config/cors-origins.ts";
import type { Exchange, ExchangeHandler } from "../exchange.ts";
import { dated } from "./answer.ts";

/** What pages may send beside the headers of Connect and gRPC-Web: a token, a trace's context, a request's id. */
const ourHeaders = ["Authorization", "Traceparent", "Tracestate", "X-Request-Id"];
/** How long a browser may remember what it was granted. The common browsers take two hours at most. */
const maxAgeSeconds = 2 * 60 * 60;

/**
 * Tells browsers which pages may read an answer, whatever the answer is, and answers their preflights: these bring no
 * credentials, and reach no method. Pages bring tokens, so nothing is granted to what a browser sends by itself (cookies,
 * certificates). A request from another origin is served as if there were no browser, which shows its page none of the answer.
 *
 * @param origins if there are none, answers have no headers of CORS
 * @param handler serves everything but preflights of these origins
 */
export function withCors(origins: CorsOrigins, handler: ExchangeHandler): ExchangeHandler {
  if (origins.length === 0) return handler;
  const listed = new Set(origins);
  const grant = cors({
    origin: origins === "*" ? "*" : (origin, answer) => answer(null, listed.has(origin ?? "") && origin),
    methods: [...connectCors.allowedMethods],
    allowedHeaders: [...connectCors.allowedHeaders, ...ourHeaders],
    exposedHeaders: [...connectCors.exposedHeaders],
    maxAge: maxAgeSeconds,
  });
  return (exchange) => {
    const answer = answerTo(exchange);
    // Also for an origin that is not listed, which must not be shown another origin's answer from a cache.
    if (origins !== "*") answer.setHeader("vary", "Origin");
    grant(exchange, answer, () => handler(exchange));
  };
}

/** The answer to a preflight, as the library writes it. */
function answerTo(exchange: Exchange) {
  const set = new Map<string, string>();
  return {
    statusCode: 204,
    // The library adds to what Vary has.
    getHeader: (name: string) => set.get(name.toLowerCase()),
    setHeader(name: string, value: string) {
      set.set(name.toLowerCase(), value);
      exchange.setHeader(name.toLowerCase(), value);
    },
    /** A preflight has no business with a body. HTTP/1.1 can only be rid of one by closing the connection. */
    end() {
      exchange.closeOnceAnswered();
      exchange.answer(this.statusCode, dated());
    },
  };
}
