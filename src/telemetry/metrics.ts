/** Metrics by the conventions of https://opentelemetry.io/docs/specs/semconv/, and our own under `rollcall.`. */
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

/** In seconds: the boundaries that the conventions advise, and finer ones below. */
const durationBoundaries = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];
/** Callers with a label of their own; all others share the label `other`. */
const maxCallers = 100;
const eventLoopResolutionMs = 10;

export interface CallLabels {
  /** `rollcall.v1.UserService/Identify` */
  readonly method: string;
  /** `grpc` or `connectrpc`. */
  readonly system: string;
  /** `OK`, `NOT_FOUND`, … */
  readonly status: string;
  /** The principal's name. */
  readonly principal: string;
  /** Why the call failed, from a closed set, if known. */
  readonly reason: string | undefined;
}

/** Adds to a counter with one label, whose values are from a closed set. */
type Count = (value: string, count?: number) => void;

/** Records to several meters at once: one may be scraped while another is pushed. */
export class Metrics {
  readonly connectionTurnedAway: Count;
  readonly goaway: Count;
  readonly requestRefused: Count;
  readonly requestCutOff: Count;
  /** The label is the part of the record that cannot be read. */
  readonly damagedRecords: Count;
  /** The label is the work. */
  readonly sweptItems: Count;
  readonly #meters: readonly Meter[];
  readonly #callDurations: readonly Histogram[];
  readonly #storeDurations: readonly Histogram[];
  readonly #calls: Tally;
  readonly #inFlight = new Tally();
  readonly #batchItems: Count;
  readonly #callers = new Set<string>();
  readonly #eventLoopDelay: ReturnType<typeof monitorEventLoopDelay>;

  constructor(meters: readonly Meter[]) {
    this.#meters = meters;
    this.#callDurations = this.#durations(METRIC_RPC_SERVER_CALL_DURATION, "Duration of calls.");
    this.#storeDurations = this.#durations(METRIC_DB_CLIENT_OPERATION_DURATION, "Duration of calls to the store.");
    this.#calls = this.#tally("rollcall.calls", "Calls that have ended.");
    this.#batchItems = this.#counter(
      "rollcall.batch.items",
      "Users in BatchIdentify and IdentifyUsers.",
      "rollcall.outcome",
    );
    const reason = "rollcall.reason";
    const turnedAway = "Connections that the server closed.";
    this.connectionTurnedAway = this.#counter("rollcall.connections.turned_away", turnedAway, reason);
    const goaways = "HTTP/2 connections that the server ended; with --http2 own.";
    this.goaway = this.#counter("rollcall.http2.goaways", goaways, reason);
    this.requestRefused = this.#counter("rollcall.requests.refused", "Requests that reached no method.", reason);
    this.requestCutOff = this.#counter("rollcall.requests.cut_off", "Requests that the server ended early.", reason);
    const damaged = "Reads that found a damaged record.";
    this.damagedRecords = this.#counter("rollcall.damaged_records", damaged, "rollcall.part");
    const swept = "Users and entries that background work has looked at.";
    this.sweptItems = this.#counter("rollcall.sweep.items", swept, "rollcall.work");
    this.gauge("rollcall.calls.in_flight", { description: "Calls in progress." }, () => this.#inFlight.all());
    this.#eventLoopDelay = monitorEventLoopDelay({ resolution: eventLoopResolutionMs });
    this.#eventLoopDelay.enable();
    this.#observeProcess();
  }

  callBegan(method: string): void {
    this.#inFlight.add(method, 1, methodLabel);
  }

  callEnded({ method, system, status, principal, reason }: CallLabels, seconds: number): void {
    this.#inFlight.add(method, -1, methodLabel);
    const labels = { [ATTR_RPC_METHOD]: method, [ATTR_RPC_SYSTEM_NAME]: system, [ATTR_RPC_STATUS_CODE]: status };
    for (const durations of this.#callDurations) durations.record(seconds, labels);
    const name = this.#callerLabel(principal);
    const why = reason === undefined ? {} : { "rollcall.reason": reason };
    this.#calls.add(`${method} ${system} ${status} ${reason} ${name}`, 1, () => ({
      ...labels,
      ...why,
      "rollcall.caller": name,
    }));
  }

  batchItems(outcome: string, count: number): void {
    if (count > 0) this.#batchItems(outcome, count);
  }

  /** @param error the reason of the error, if the call failed */
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

  /** @param read called when the metrics are collected; what it returns only grows */
  counter(name: string, options: MetricOptions, read: () => number): void {
    for (const meter of this.#meters) {
      meter.createObservableCounter(name, options).addCallback((result) => result.observe(read()));
    }
  }

  close(): void {
    this.#eventLoopDelay.disable();
  }

  #durations(name: string, description: string): readonly Histogram[] {
    const advice = { explicitBucketBoundaries: durationBoundaries };
    return this.#meters.map((meter) => meter.createHistogram(name, { description, unit: "s", advice }));
  }

  #counter(name: string, description: string, label: string): Count {
    const tally = this.#tally(name, description);
    const attributesOf = (value: string) => ({ [label]: value });
    return (value, count = 1) => tally.add(value, count, attributesOf);
  }

  #tally(name: string, description: string): Tally {
    const tally = new Tally();
    for (const meter of this.#meters) {
      meter.createObservableCounter(name, { description }).addCallback((result) => {
        for (const [attributes, value] of tally.all()) result.observe(value, attributes);
      });
    }
    return tally;
  }

  #callerLabel(principal: string): string {
    if (this.#callers.has(principal)) return principal;
    if (this.#callers.size >= maxCallers) return "other";
    this.#callers.add(principal);
    return principal;
  }

  #observeProcess(): void {
    const percentiles = [50, 90, 99];
    for (const percentile of percentiles) {
      const description = `Delay of the event loop since the last collection, percentile ${percentile}.`;
      this.gauge(`nodejs.eventloop.delay.p${percentile}`, { description, unit: "s" }, () => {
        // The monitor measures the time between two ticks of its timer.
        const delayMs = Math.max(0, this.#eventLoopDelay.percentile(percentile) / 1e6 - eventLoopResolutionMs);
        if (percentile === percentiles.at(-1)) this.#eventLoopDelay.reset();
        return [[{}, delayMs / 1_000]];
      });
    }
    let last = performance.eventLoopUtilization();
    const description = "Share of time that the event loop was busy since the last collection.";
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

const methodLabel = (method: string): Attributes => ({ [ATTR_RPC_METHOD]: method });

/** Sums by attributes, which a key stands for. */
class Tally {
  readonly #sums = new Map<string, { readonly attributes: Attributes; value: number }>();

  add(key: string, count: number, attributesOf: (key: string) => Attributes): void {
    const known = this.#sums.get(key);
    if (known === undefined) this.#sums.set(key, { attributes: attributesOf(key), value: count });
    else known.value += count;
  }

  *all(): Iterable<readonly [Attributes, number]> {
    for (const { attributes, value } of this.#sums.values()) yield [attributes, value];
  }
}
