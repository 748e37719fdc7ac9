/** What a process started with `--inspect` has in use, once its garbage is collected. */

export interface Memory {
  /** The heap, and what buffers hold beside it. */
  readonly inUseMiB: number;
  readonly residentMiB: number;
}

/** @param inspector `ws://…`, as Node says it at the start */
export async function memoryInUse(inspector: string): Promise<Memory> {
  const socket = new WebSocket(inspector);
  await new Promise<void>((resolve, reject) => {
    socket.onopen = () => resolve();
    socket.onerror = () => reject(new Error("the inspector cannot be reached"));
  });
  let last = 0;
  const ask = (method: string, params: object = {}) =>
    new Promise<{ readonly result?: { readonly value?: unknown } }>((resolve) => {
      const id = ++last;
      const onMessage = ({ data }: MessageEvent) => {
        const answer = JSON.parse(String(data));
        if (answer.id !== id) return;
        socket.removeEventListener("message", onMessage);
        resolve(answer.result);
      };
      socket.addEventListener("message", onMessage);
      socket.send(JSON.stringify({ id, method, params }));
    });
  // What finalizers let go of is collected the second time.
  for (let times = 0; times < 2; times++) await ask("HeapProfiler.collectGarbage");
  const expression = "JSON.stringify(process.memoryUsage())";
  const { result } = await ask("Runtime.evaluate", { expression, returnByValue: true });
  const { heapUsed, external, rss } = JSON.parse(String(result?.value));
  socket.close();
  const mebibytes = (bytes: number) => bytes / 1024 ** 2;
  return { inUseMiB: mebibytes(heapUsed + external), residentMiB: mebibytes(rss) };
}
