/** The figures of every run, by what was measured and by whom. */
import { median } from "./median.ts";

export interface Figures {
  /** Calls, or users, a second. */
  readonly perSecond?: number | undefined;
  /** CPU time in microseconds for each call or user, where it was measured. */
  readonly serverCpu?: number | undefined;
  readonly redisCpu?: number | undefined;
  readonly loadCpu?: number | undefined;
  /** Milliseconds. */
  readonly p50?: number | undefined;
  readonly p99?: number | undefined;
  /** Resident memory of the server in MiB. */
  readonly memory?: number | undefined;
}

export class Results {
  readonly #runs = new Map<string, Figures[]>();

  /**
   * @param what for example `Identify, Redis`
   * @param by the contestant
   */
  add(what: string, by: string, figures: Figures): void {
    const key = keyOf(what, by);
    const runs = this.#runs.get(key) ?? [];
    runs.push(figures);
    this.#runs.set(key, runs);
  }

  /** The median over the runs; undefined where nothing was measured. */
  figure(what: string, by: string, name: keyof Figures): number | undefined {
    const values = this.runs(what, by).map((run) => run[name]);
    const measured = values.filter((value) => value !== undefined);
    return measured.length === 0 ? undefined : median(measured);
  }

  /** The median over the runs of the quotient of two figures of the same run. */
  ratio(over: readonly [what: string, by: string], under: readonly [what: string, by: string], name: keyof Figures) {
    const numerators = this.runs(...over);
    const denominators = this.runs(...under);
    const ratios = numerators.flatMap((run, index) => {
      const quotient = (run[name] ?? Number.NaN) / (denominators[index]?.[name] ?? Number.NaN);
      return Number.isFinite(quotient) ? [quotient] : [];
    });
    return ratios.length === 0 ? undefined : median(ratios);
  }

  runs(what: string, by: string): readonly Figures[] {
    return this.#runs.get(keyOf(what, by)) ?? [];
  }

  /** The contestants, in the order in which they were measured. */
  measuredBy(what: string): string[] {
    return [...this.#runs.keys()].filter((key) => key.startsWith(`${what}\n`)).map((key) => key.slice(what.length + 1));
  }

  /** What was measured, in order. */
  measured(): string[] {
    return [...new Set([...this.#runs.keys()].map((key) => key.slice(0, key.indexOf("\n"))))];
  }

  toJSON(): Record<string, Record<string, readonly Figures[]>> {
    return Object.fromEntries(
      this.measured().map((what) => [
        what,
        Object.fromEntries(this.measuredBy(what).map((by) => [by, this.runs(what, by)])),
      ]),
    );
  }
}

function keyOf(what: string, by: string): string {
  return `${what}\n${by}`;
}
