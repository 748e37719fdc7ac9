/** Progress of an import: a bar on a terminal, otherwise a line every few seconds. */
import type { WriteStream } from "node:tty";
import cliProgress from "cli-progress";
import { printable } from "../../config/invisible.ts";
import { waitingNotice } from "./waiting.ts";

const barsPerSecond = 8;
/** Time between lines, without a terminal. */
const lineIntervalMs = 5_000;
/** The time left is estimated from this many updates. */
const updatesForEta = 100;
const barColumns = 24;
/** Resolution of the bar. */
const parts = 10_000;

interface Done {
  /** Users so far. */
  readonly users: number;
  /** The share of the work that is done, from 0 to 1; undefined if unknown. */
  readonly share: number | undefined;
  /** Such as `3 created, 1 failed`. */
  readonly details: string;
}

export interface Progress {
  update(done: Done): void;
  /** Says on one line why nothing happens until the next update. */
  waiting(why: string): void;
  /** Prints something above the bar. */
  above(print: () => void): void;
  /** Called once. Nothing is shown after that. */
  stop(): void;
}

/**
 * @param isShareKnown whether the amount of work is known; otherwise there is no bar and no time left
 * @param intervalMs time between lines, without a terminal
 */
export function showProgress(
  stream: WriteStream | NodeJS.WritableStream,
  isShareKnown: boolean,
  intervalMs = lineIntervalMs,
): Progress {
  const start = performance.now();
  const rateOf = (users: number) => Math.round(users / ((performance.now() - start) / 1_000));
  return "isTTY" in stream && stream.isTTY ? bar(stream, isShareKnown, rateOf) : lines(stream, intervalMs, rateOf);
}

type RateOf = (users: number) => number;

interface BarPayload {
  readonly users: number;
  readonly rate: number;
  readonly details: string;
  /** Why nothing happens. */
  readonly why: string | undefined;
}

function bar(stream: WriteStream, isShareKnown: boolean, rateOf: RateOf): Progress {
  const count = "{users} users, {rate} users/s";
  const formats = isShareKnown
    ? {
        working: `{bar} {percentage}%, ${count}, {eta_formatted} left: {details}`,
        waiting: "{bar} {percentage}%: {why}",
      }
    : { working: `${count}: {details}`, waiting: "{users} users: {why}" };
  const shown = new cliProgress.SingleBar(
    {
      stream,
      format: (options, params, payload: BarPayload) =>
        cliProgress.Format.Formatter(
          { ...options, format: payload.why === undefined ? formats.working : formats.waiting },
          params,
          payload,
        ),
      barsize: barColumns,
      fps: barsPerSecond,
      etaBuffer: updatesForEta,
      clearOnComplete: true,
      hideCursor: true,
      // The caller handles signals, and stops it.
      gracefulExit: false,
    },
    cliProgress.Presets.shades_classic,
  );
  let done = 0;
  let payload: BarPayload = { users: 0, rate: 0, details: "", why: undefined };
  shown.start(parts, done, payload);
  return {
    update({ users, share = 0, details }) {
      done = Math.min(parts, Math.floor(share * parts));
      payload = { users, rate: rateOf(users), details, why: undefined };
      shown.update(done, payload);
    },
    waiting(why) {
      payload = { ...payload, why: printable(why) };
      shown.update(done, payload);
    },
    above(print) {
      shown.stop();
      print();
      shown.start(parts, done, payload);
    },
    stop: () => shown.stop(),
  };
}

function lines(stream: NodeJS.WritableStream, intervalMs: number, rateOf: RateOf): Progress {
  let last: Done | undefined;
  const notice = waitingNotice((line) => stream.write(`${line}\n`));
  const timer = setInterval(() => {
    if (last === undefined) return;
    const { users, share, details } = last;
    const percentage = share === undefined ? "" : `${Math.floor(share * 100)}%, `;
    stream.write(`${percentage}${users} users, ${rateOf(users)} users/s: ${details}\n`);
  }, intervalMs);
  timer.unref();
  return {
    update(done) {
      notice.ends();
      last = done;
    },
    waiting(why) {
      notice.begins(printable(why));
      // Do not repeat old progress meanwhile.
      last = undefined;
    },
    above: (print) => print(),
    stop: () => clearInterval(timer),
  };
}
