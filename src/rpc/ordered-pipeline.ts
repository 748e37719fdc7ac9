export interface PipelineOptions {
  /** How many inputs are worked on at a time; no more is read meanwhile. */
  readonly maxInFlight: number;
  /** When it aborts, no further input is taken; what is under way is answered, then the signal's reason is thrown. */
  readonly stop: AbortSignal;
}

type Step<Input> = { answered: true } | { stopped: true } | { read: IteratorResult<Input> } | { failed: unknown };

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
  const inFlight: Promise<Output>[] = [];
  let index = 0;
  let reading: Promise<Step<Input>> | undefined;
  let end: { error?: unknown } | undefined;

  const stopped = Promise.withResolvers<Step<Input>>();
  const onStop = () => stopped.resolve({ stopped: true });
  if (stop.aborted) onStop();
  else stop.addEventListener("abort", onStop, { once: true });

  try {
    for (;;) {
      const [head] = inFlight;
      if (end !== undefined && head === undefined) {
        if ("error" in end) throw end.error;
        return;
      }
      if (end === undefined && inFlight.length < maxInFlight) {
        reading ??= source.next().then(
          (read) => ({ read }),
          (failed: unknown) => ({ failed }),
        );
      }
      const steps: Promise<Step<Input>>[] = [];
      if (head !== undefined) steps.push(head.then(() => ({ answered: true })));
      if (end === undefined) steps.push(stopped.promise);
      if (end === undefined && reading !== undefined) steps.push(reading);
      const step = await Promise.race(steps);

      if ("answered" in step) {
        const answered = inFlight.shift();
        if (answered !== undefined) yield await answered;
      } else if ("stopped" in step) {
        end = { error: stop.reason };
      } else if ("failed" in step) {
        end = { error: step.failed };
      } else if (step.read.done) {
        end = {};
      } else {
        reading = undefined;
        try {
          const working = work(step.read.value, index++);
          // Where an earlier one fails, nobody waits for this one.
          working.catch(() => {});
          inFlight.push(working);
        } catch (error) {
          end = { error };
        }
      }
    }
  } finally {
    stop.removeEventListener("abort", onStop);
    source.return?.().catch(() => {});
  }
}
