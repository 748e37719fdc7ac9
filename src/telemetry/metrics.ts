/** What is counted and measured: https://opentelemetry.io/docs/specs/semconv/, and our own under `rollcall.`. */
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import type { Attributes, Histogram, Meter, MetricOptions } from "@opentelemetry/api";
import {
  ATTR_DB_OPERATION_NAME,
  ATTR_DB_SYSTEM_NAME,
  ATTR_ERROR_TYPE,
  ATTR_RPC_METHOD,
  ATTR_RPC_STATUS_CODE,
  ATTR_RPC_SYSTEM_NAME,
  METRIC_DB_CLIENT_OPERATION_DURATION,
  METRIC_RPC_SERVER_CALL_DURATION,
} from "@opentelemetry/semantic-conventions";

/** Seconds, as the conventions advise, and finer below. */
const durationBoundaries = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];
/** Callers that are told apart; what further ones do counts for `other`. */
const maxCallers = 100;
const eventLoopResolutionMs = 10;

export interface CallLabels {
  /** `rollcall.v1.UserService/Identify` */
  readonly method: string;
  /** `grpc` or `connectrpc`. */
  readonly system: string;
  /** `OK`, `NOT_FOUND`, … */
  readonly status: string;
  /** Who called. */
  readonly caller: string;
  /** Why it failed, from a closed set, if that is known. */
  readonly reason: string | undefined;
}

/** Instruments that record to several meters at once, as where one is scraped and another is pushed. */
export class Metrics {
  readonly #meters: readonly Meter[];
  readonly #callDurations: readonly Histogram[];
  readonly #storeDurations: readonly Histogram[];
  readonly #calls = new Tally();
  readonly #inFlight = new Tally();
  readonly #batchItems = new Tally();
  readonly #turnedAway = new Tally();
  readonly #refused = new Tally();
  readonly #cutOff = new Tally();
  readonly #damaged = new Tally();
  readonly #callers = new Set<string>();
  readonly #eventLoopDelay: ReturnType<typeof monitorEventLoopDelay>;

  constructor(meters: readonly Meter[]) {
    this.#meters = meters;
    this.#callDurations = this.#durations(METRIC_RPC_SERVER_CALL_DURATION, "How long calls took.");
    this.#storeDurations = this.#durations(METRIC_DB_CLIENT_OPERATION_DURATION, "How long the store took for a call.");
    this.#count("rollcall.calls", "Calls that have ended.", this.#calls);
    this.#count("rollcall.batch.items", "Users of BatchIdentify by what became of them.", this.#batchItems);
    this.#count("rollcall.connections.turned_away", "Connections that were ended for a reason.", this.#turnedAway);
    this.#count("rollcall.requests.refused", "Requests that reached no handler.", this.#refused);
    this.#count("rollcall.requests.cut_off", "Requests that were ended before they were done.", this.#cutOff);
    this.#count("rollcall.damaged_records", "Times that the record of a user could not be read.", this.#damaged);
    this.gauge("rollcall.calls.in_flight", { description: "Calls that are under way." }, () => this.#inFlight.all());
    this.#eventLoopDelay = monitorEventLoopDelay({ resolution: eventLoopResolutionMs });
    this.#eventLoopDelay.enable();
    this.#observeProcess();
  }

  callBegan(method: string): void {
    this.#inFlight.add(1, method, () => ({ [ATTR_RPC_METHOD]: method }));
  }

  callEnded({ method, system, status, caller, reason }: CallLabels, seconds: number): void {
    this.#inFlight.add(-1, method, () => ({ [ATTR_RPC_METHOD]: method }));
    const labels = { [ATTR_RPC_METHOD]: method, [ATTR_RPC_SYSTEM_NAME]: system, [ATTR_RPC_STATUS_CODE]: status };
    for (const durations of this.#callDurations) durations.record(seconds, labels);
    const name = this.#callerName(caller);
    const why = reason === undefined ? {} : { "rollcall.reason": reason };
    this.#calls.add(1, `${method} ${system} ${status} ${reason} ${name}`, () => ({
      ...labels,
      ...why,
      "rollcall.caller": name,
    }));
  }

  batchItems(outcome: string, count: number): void {
    if (count > 0) this.#batchItems.add(count, outcome, () => ({ "rollcall.outcome": outcome }));
  }

  /** Each reason is a label: from a closed set. */
  connectionTurnedAway(reason: string): void {
    this.#turnedAway.add(1, reason, () => ({ "rollcall.reason": reason }));
  }

  requestRefused(reason: string): void {
    this.#refused.add(1, reason, () => ({ "rollcall.reason": reason }));
  }

  requestCutOff(reason: string): void {
    this.#cutOff.add(1, reason, () => ({ "rollcall.reason": reason }));
  }

  /** @param part what of them cannot be read: from a closed set */
  damagedRecords(part: string, count: number): void {
    this.#damaged.add(count, part, () => ({ "rollcall.part": part }));
  }

  /** @param error the reason of the error that it failed with, if it did */
  storeCall(system: string, operation: string, seconds: number, error: string | undefined): void {
    const labels = {
      [ATTR_DB_SYSTEM_NAME]: system,
      [ATTR_DB_OPERATION_NAME]: operation,
      ...(error === undefined ? {} : { [ATTR_ERROR_TYPE]: error }),
    };
    for (const durations of this.#storeDurations) durations.record(seconds, labels);
  }

  /** @param read called when the metrics are collected */
  gauge(name: string, options: MetricOptions, read: () => Iterable<readonly [Attributes, number]>): void {
    for (const meter of this.#meters) {
      meter.createObservableGauge(name, options).addCallback((result) => {
        for (const [attributes, value] of read()) result.observe(value, attributes);
      });
    }
  }

  close(): void {
    this.#eventLoopDelay.disable();
  }

  #durations(name: string, description: string): readonly Histogram[] {
    const advice = { explicitBucketBoundaries: durationBoundaries };
    return this.#meters.map((meter) => meter.createHistogram(name, { description, unit: "s", advice }));
  }

  #count(name: string, description: string, tally: Tally): void {
    for (const meter of this.#meters) {
      meter.createObservableCounter(name, { description }).addCallback((result) => {
        for (const [attributes, value] of tally.all()) result.observe(value, attributes);
      });
    }
  }

  #callerName(caller: string): string {
    if (this.#callers.has(caller)) return caller;
    if (this.#callers.size >= maxCallers) return "other";
    this.#callers.add(caller);
    return caller;
  }

  #observeProcess(): void {
    const percentiles = [50, 90, 99];
    for (const percentile of percentiles) {
      const description = `By how much the event loop came late, percentile ${percentile}, since it was last asked for.`;
      this.gauge(`nodejs.eventloop.delay.p${percentile}`, { description, unit: "s" }, () => {
        // What is measured is the time between two ticks of a timer.
        const delayMs = Math.max(0, this.#eventLoopDelay.percentile(percentile) / 1e6 - eventLoopResolutionMs);
        if (percentile === percentiles.at(-1)) this.#eventLoopDelay.reset();
        return [[{}, delayMs / 1_000]];
      });
    }
    let last = performance.eventLoopUtilization();
    const description = "Share of the time in which the event loop was busy, since it was last asked for.";
    this.gauge("nodejs.eventloop.utilization", { description, unit: "1" }, () => {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, last);
      last = now;
      return [[{}, utilization]];
    });
    const memory = { description: "Resident memory.", unit: "By" };
    this.gauge("process.memory.usage", memory, () => [[{}, process.memoryUsage.rss()]]);
    for (const meter of this.#meters) {
      const cpu = { description: "CPU time of all threads.", unit: "s" };
      meter.createObservableCounter("process.cpu.time", cpu).addCallback((result) => {
        const { user, system } = process.cpuUsage();
        result.observe(user / 1e6, { "cpu.mode": "user" });
        result.observe(system / 1e6, { "cpu.mode": "system" });
      });
    }
  }
}

/** Numbers by what they stand for. */
class Tally {
  readonly #values = new Map<string, { readonly attributes: Attributes; value: number }>();

  add(count: number, key: string, attributes: () => Attributes): void {
    const known = this.#values.get(key);
    if (known === undefined) this.#values.set(key, { attributes: attributes(), value: count });
    else known.value += count;
  }

  *all(): Iterable<readonly [Attributes, number]> {
    for (const { attributes, value } of this.#values.values()) yield [attributes, value];
  }
}
