/** Answers are written in pieces of this size, so that a slow reader is seen to move. */
export const answerPieceBytes = 64 * 1024;

/** An answer in parts, each to be written once the one before has been taken. Views, not copies. */
export function* answerPieces(answer: Uint8Array): Generator<Uint8Array> {
  let at = 0;
  for (; answer.length - at > answerPieceBytes; at += answerPieceBytes) {
    yield answer.subarray(at, at + answerPieceBytes);
  }
  yield at === 0 ? answer : answer.subarray(at);
}
