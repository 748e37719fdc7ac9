import { writeMessage } from "../call/answer.ts";
import { piecesOf } from "../call/body.ts";
import type { Call } from "../call/call.ts";
import { type Turns, turnToDecode } from "../guard/turns.ts";
import { messageIn } from "../messages/envelopes.ts";
import { inEnvelopes } from "../messages/request-body.ts";
import type { StreamGrpcMethod } from "./handler.ts";
import { answerHeaders, okTrailers } from "./status.ts";

export async function serveStream(call: Call, { serve }: StreamGrpcMethod, turns: Turns): Promise<void> {
  const { exchange, environment } = call;
  const begin = () => {
    if (!exchange.hasAnswered) exchange.begin(200, answerHeaders);
  };
  try {
    const messages = messagesOf(call, turns);
    for await (const envelope of environment.work.stream(call, (stop) => serve(messages, call, stop))) {
      if (call.isEnded || exchange.isGone) return;
      begin();
      await writeMessage(call, envelope);
    }
  } catch (failure) {
    call.fail(failure);
    return;
  }
  try {
    if (!call.end() || exchange.isGone) return;
    begin();
    exchange.end(undefined, okTrailers);
  } catch (failure) {
    call.reset(failure);
  }
}

async function* messagesOf(call: Call, turns: Turns): AsyncGenerator<Buffer> {
  for await (const envelope of inEnvelopes(piecesOf(call), "maxRequestBytes")) {
    await turnToDecode(turns, envelope.length, call);
    call.hold(-envelope.length);
    yield messageIn(envelope);
  }
}
