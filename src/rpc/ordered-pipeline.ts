export interface PipelineOptions {
  /** Inputs that are worked on at one time. No more are read meanwhile. */
  readonly maxInFlight: number;
  /** Once it aborts, no more inputs are taken. Those under way are answered; then the output ends with the signal's reason. */
  readonly stop: AbortSignal;
}

/**
 * Works on several inputs at a time and yields the outputs in the order of the inputs.
 *
 * If an input cannot be read, or `work` throws, the outputs of earlier inputs follow; then the output ends with the error, and no
 * later input is worked on. A promise that rejects ends the output at its place.
 *
 * Each turn of the loop does the first of these that it can:
 *
 *     yield the head, if it has settled ── begin the input that has arrived ── end, if the input has ended ── read and wait
 */
export async function* orderedPipeline<Input, Output>(
  inputs: AsyncIterable<Input>,
  work: (input: Input, index: number) => Promise<Output>,
  options: PipelineOptions,
): AsyncGenerator<Output> {
  const { maxInFlight, stop } = options;
  const source = inputs[Symbol.asyncIterator]();
  const inFlight: { readonly output: Promise<Output>; settled: boolean }[] = [];
  let reading = false;
  let arrived: { read: IteratorResult<Input> } | { failed: unknown } | undefined;
  let end: { error?: unknown } | undefined;
  let index = 0;

  // Each turn waits for a promise of its own. Promise.race with one that lives as long as the stream would keep every result.
  let wake = () => {};
  const onStop = () => wake();
  stop.addEventListener("abort", onStop);

  const read = () => {
    reading = true;
    const onArrived = (next: NonNullable<typeof arrived>) => {
      arrived = next;
      wake();
    };
    source.next().then(
      (result) => onArrived({ read: result }),
      (failed: unknown) => onArrived({ failed }),
    );
  };

  const begin = (input: Input) => {
    const working = { output: work(input, index++), settled: false };
    const onSettled = () => {
      working.settled = true;
      wake();
    };
    working.output.then(onSettled, onSettled);
    inFlight.push(working);
  };

  const take = (next: NonNullable<typeof arrived>): typeof end => {
    if ("failed" in next) return { error: next.failed };
    if (next.read.done) return {};
    try {
      begin(next.read.value);
      return undefined;
    } catch (error) {
      return { error };
    }
  };

  try {
    for (;;) {
      const [head] = inFlight;
      if (head?.settled) {
        inFlight.shift();
        yield await head.output;
      } else if (end === undefined && stop.aborted) {
        end = { error: stop.reason };
      } else if (end === undefined && arrived !== undefined) {
        reading = false;
        const next: NonNullable<typeof arrived> = arrived;
        arrived = undefined;
        end = take(next);
      } else if (end !== undefined && head === undefined) {
        if ("error" in end) throw end.error;
        return;
      } else {
        if (end === undefined && !reading && inFlight.length < maxInFlight) read();
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    stop.removeEventListener("abort", onStop);
    source.return?.().catch(() => {});
  }
}
