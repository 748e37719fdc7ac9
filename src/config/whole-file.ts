import { closeSync, constants, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { performance } from "node:perf_hooks";

/** How long to wait for a pipe. This blocks the process, which does not even handle signals meanwhile. */
const pipeTimeoutMs = 5_000;
const pipePauseMs = 10;
const pipePieceBytes = 64 * 1024;

export interface WholeFile {
  readonly bytes: Buffer;
  /** Whether it can be read only once, such as a shell's `<(…)`. */
  readonly isPipe: boolean;
}

/** @throws Error if it cannot be read, or is a pipe that nobody writes to */
export function readWholeFile(path: string, timeoutMs = pipeTimeoutMs): WholeFile {
  // Otherwise opening a pipe waits for a writer, perhaps for ever.
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
    // A pipe without a writer looks as if it were at its end.
    else if (length === 0 && pieces.length > 0) return Buffer.concat(pieces);
    else if (performance.now() > deadline) throw new Error("it is a pipe that nobody has written to and closed");
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pipePauseMs);
  }
}

/** @returns how many bytes were read; 0 at the end; -1 if more may come */
function readOrWait(file: number, piece: Buffer): number {
  try {
    return readSync(file, piece);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EAGAIN") return -1;
    throw error;
  }
}
