import { Code, ConnectError } from "@connectrpc/connect";
import { endWith } from "../call/answer.ts";
import { receive } from "../call/body.ts";
import type { Call } from "../call/call.ts";
import { type Turns, turnToDecode } from "../guard/turns.ts";
import { EnvelopeReader, messageIn } from "../messages/envelopes.ts";
import type { UnaryGrpcMethod } from "./handler.ts";
import { answerHeaders, okTrailers } from "./status.ts";

export function serveUnary(call: Call, { serve }: UnaryGrpcMethod, turns: Turns): void {
  const envelopes = new EnvelopeReader("maxRequestBytes");
  let message: Buffer | undefined;
  receive(
    call,
    (piece) => {
      try {
        envelopes.add(piece);
        for (let next = envelopes.next(); next !== undefined; next = envelopes.next()) {
          if (message !== undefined) throw wrongCount("received extra");
          message = messageIn(next);
        }
      } catch (failure) {
        call.fail(failure);
      }
    },
    () => {
      try {
        envelopes.end();
        if (message === undefined) throw wrongCount("missing");
        const whole = message;
        // Decoded once all of the request is there: V8 would keep what is decoded before that among the old objects.
        call.inTrace(() =>
          answerOnce(call, () => {
            const turn = turnToDecode(turns, whole.length, call);
            return turn === undefined ? serve(whole, call) : turn.then(() => serve(whole, call));
          }),
        );
      } catch (failure) {
        call.fail(failure);
      }
    },
  );
}

function answerOnce(call: Call, serve: () => Promise<Buffer>): void {
  call.environment.work
    .unary(call, serve)
    .then(
      (envelope) => {
        if (!call.end() || call.exchange.isGone) return undefined;
        call.exchange.begin(200, answerHeaders);
        return endWith(call, envelope, okTrailers);
      },
      (failure: unknown) => call.fail(failure),
    )
    .catch((failure: unknown) => call.reset(failure));
}

function wrongCount(problem: "missing" | "received extra"): ConnectError {
  return new ConnectError(`protocol error: ${problem} input message for unary method`, Code.Unimplemented);
}
