import { closeSync, constants, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { performance } from "node:perf_hooks";

/** How long a pipe is waited for. Nothing else is done meanwhile, not even what a signal asks for. */
const pipeTimeoutMs = 5_000;
const pipePauseMs = 10;
const pipePieceBytes = 64 * 1024;

export interface WholeFile {
  readonly bytes: Buffer;
  /** Whether it gives its content once, as `<(…)` of a shell does. */
  readonly isPipe: boolean;
}

/** @throws Error if it cannot be read, or is a pipe into which nobody writes */
export function readWholeFile(path: string, timeoutMs = pipeTimeoutMs): WholeFile {
  // To open a pipe would else wait for ever for whoever writes into it.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const isPipe = fstatSync(file).isFIFO();
    return { bytes: isPipe ? readPipe(file, performance.now() + timeoutMs) : readFileSync(file), isPipe };
  } finally {
    closeSync(file);
  }
}

/** @param deadline of `performance.now()` */
function readPipe(file: number, deadline: number): Buffer {
  const pieces: Buffer[] = [];
  for (;;) {
    const piece = Buffer.alloc(pipePieceBytes);
    const length = readOrWait(file, piece);
    if (length > 0) pieces.push(piece.subarray(0, length));
    // Before somebody has opened it to write, it seems to be at its end.
    else if (length === 0 && pieces.length > 0) return Buffer.concat(pieces);
    else if (performance.now() > deadline) throw new Error("it is a pipe, and nobody has written into it to its end");
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pipePauseMs);
  }
}

/** @returns how many bytes there were; 0 at the end; -1 where more may come */
function readOrWait(file: number, piece: Buffer): number {
  try {
    return readSync(file, piece);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EAGAIN") return -1;
    throw error;
  }
}
