import type { UniversalServerResponse } from "@connectrpc/connect/protocol";
import { universalResponseToNodeResponse } from "@connectrpc/connect-node";
import { answerPieces } from "../answer-pieces.ts";
import { canceled } from "../errors.ts";
import { respelled } from "../grpc/status.ts";
import { type Hold, letGo } from "../request-body.ts";
import type { NodeRequest, NodeResponse } from "./node-requests.ts";

interface AnswerWatch {
  readonly hold: Hold;
  /** Whether further pieces are asked for only once there is room for them: then what came before has been taken. */
  readonly isStream: boolean;
  /** Called with each message that is there. */
  onEncoded(): void;
  /** Called once the caller, or the connection, has taken a piece of it. */
  onTaken(): void;
}

/** Writes an answer of a handler of Connect's. */
export function writeAnswer(
  answer: UniversalServerResponse,
  req: NodeRequest,
  res: NodeResponse,
  watch: AnswerWatch,
): Promise<void> {
  const { body, trailer } = answer;
  if (body === undefined) return universalResponseToNodeResponse(answer, res);
  return universalResponseToNodeResponse({ ...answer, body: writeBody(body, trailer, req, watch) }, res);
}

/**
 * An answer's body on its way to the caller. Once all of it is there, so are its trailers, and what is left of the request
 * is for nobody.
 */
async function* writeBody(
  body: AsyncIterable<Uint8Array>,
  trailers: Headers | undefined,
  req: NodeRequest,
  { hold, onEncoded, onTaken, isStream }: AnswerWatch,
): AsyncGenerator<Uint8Array> {
  const pieces = body[Symbol.asyncIterator]();
  try {
    for (let next = await pieces.next(); next.done !== true; next = await pieces.next()) {
      onEncoded();
      const { length } = next.value;
      hold(length);
      for (const piece of answerPieces(next.value)) {
        yield piece;
        onTaken();
      }
      // Of a unary call, it is held until the answer has been read.
      if (isStream) hold(-length);
    }
    if (trailers !== undefined) respelled(trailers);
  } catch (error) {
    // It cannot be written, since the caller has gone: that is no failure of what makes it.
    await pieces.throw?.(canceled());
    throw error;
  } finally {
    letGo(req);
    await pieces.return?.();
  }
}
