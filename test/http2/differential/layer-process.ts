/** A layer in a process of its own, so that it can end, hang or grow alone. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";

/** What is left in the process when its clients have gone. */
export interface LayerReport {
  readonly connections: number;
  /** Exchanges that have not closed. */
  readonly exchanges: number;
  readonly faults: readonly string[];
  /** After garbage collection. */
  readonly heapBytes: number;
  readonly residentBytes: number;
  /** For how long the event loop was blocked at most since the last report, in milliseconds. */
  readonly blockedMs: number;
}

/** How long it may take to report, or to end. */
const patienceMs = 10_000;

export class LayerProcess {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  static async start(http2: "own" | "node"): Promise<LayerProcess> {
    const program = new URL("./layer-program.ts", import.meta.url);
    const child = fork(program, [http2], { execArgv: ["--expose-gc"] });
    const [port] = await once(child, "message");
    return new LayerProcess(child, Number(port));
  }

  /** Why the process has ended; undefined while it runs. */
  get ended(): string | undefined {
    const { exitCode, signalCode } = this.#child;
    return exitCode === null && signalCode === null ? undefined : `status ${exitCode ?? signalCode}`;
  }

  async report(): Promise<LayerReport> {
    const answer = once(this.#child, "message", { signal: AbortSignal.timeout(patienceMs) });
    this.#child.send("report");
    const [report] = await answer;
    return report;
  }

  async stop(): Promise<void> {
    if (this.ended !== undefined) return;
    const exit = once(this.#child, "exit");
    // It ends by itself then, unless it hangs.
    this.#child.disconnect();
    const late = setTimeout(() => this.#child.kill("SIGKILL"), patienceMs);
    await exit;
    clearTimeout(late);
  }
}

/** Node's layer: a new process takes the place of one that has ended, since some conversations end Node. */
export class NodeLayer {
  #process: Promise<LayerProcess> = LayerProcess.start("node");

  async port(): Promise<number> {
    const seen = this.#process;
    const { ended, port } = await seen;
    if (ended === undefined) return port;
    if (this.#process === seen) this.#process = LayerProcess.start("node");
    return this.port();
  }

  async stop(): Promise<void> {
    await (await this.#process).stop();
  }
}
