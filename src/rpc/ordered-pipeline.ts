export interface PipelineOptions {
  /** How many inputs are worked on at a time; no more is read meanwhile. */
  readonly maxInFlight: number;
  /** When it aborts, no further input is taken; what is under way is answered, then the signal's reason is thrown. */
  readonly stop: AbortSignal;
}

/**
 * Works on several inputs at a time and answers in the order of the inputs.
 *
 * An input that cannot be read, or that `work` refuses by throwing before it returns its promise, ends the output with
 * that error after everything before it is answered, and no later input is worked on. A promise that rejects ends the
 * output at that place.
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

  // Each turn waits on a promise of its own. (Racing promises of which one lives as long as the stream would keep all
  // that the others came to.)
  let wake = () => {};
  const onStop = () => wake();
  stop.addEventListener("abort", onStop);

  const read = () => {
    reading = true;
    source.next().then(
      (result) => {
        arrived = { read: result };
        wake();
      },
      (failed: unknown) => {
        arrived = { failed };
        wake();
      },
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
