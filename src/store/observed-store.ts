/** Decorators that measure and trace calls to a store. */
import { type Span, SpanKind, SpanStatusCode, type Tracer, trace } from "@opentelemetry/api";
import {
  ATTR_DB_OPERATION_BATCH_SIZE,
  ATTR_DB_OPERATION_NAME,
  ATTR_DB_SYSTEM_NAME,
  ATTR_ERROR_TYPE,
} from "@opentelemetry/semantic-conventions";
import { UserError } from "../users/errors.ts";
import type { UserStore } from "../users/store.ts";
import type { StoreAdapter } from "./adapter.ts";

/** A value of `db.system.name`. */
export type StoreSystem = "redis" | "sqlite";

/** @param error why it failed, if it did */
export type OnStoreCall = (operation: string, seconds: number, error: string | undefined) => void;

/** Measures each call to the store, in which many calls of users travel together. */
export function measured(store: StoreAdapter, onCall: OnStoreCall): StoreAdapter {
  const timed = async <Result>(operation: string, work: () => Promise<Result>): Promise<Result> => {
    const start = performance.now();
    let error: string | undefined;
    try {
      return await work();
    } catch (failure) {
      error = errorType(failure);
      throw failure;
    } finally {
      onCall(operation, (performance.now() - start) / 1_000, error);
    }
  };
  return {
    ...store,
    write: (commands, again) => timed("write", () => store.write(commands, again)),
    get: (ids, signal) => timed("get", () => store.get(ids, signal)),
    list: (after, count, signal) => timed("list", () => store.list(after, count, signal)),
    entries: (range, count, generation) => timed("entries", () => store.entries(range, count, generation)),
    countEntries: (prefix, generation) => timed("count", () => store.countEntries(prefix, generation)),
    count: () => timed("count", () => store.count()),
    progress: () => timed("progress", () => store.progress()),
    check: () => timed("check", () => store.check()),
  };
}

/** Makes a span of the time that a call of a traced request waits for the store, including its time in a queue. */
export function traced(store: UserStore, tracer: Tracer, system: StoreSystem): UserStore {
  const spanned = async <Result>(operation: string, size: number, work: () => Promise<Result>): Promise<Result> => {
    if (trace.getActiveSpan()?.isRecording() !== true) return work();
    const attributes = {
      [ATTR_DB_SYSTEM_NAME]: system,
      [ATTR_DB_OPERATION_NAME]: operation,
      [ATTR_DB_OPERATION_BATCH_SIZE]: size,
    };
    const span = tracer.startSpan(`${operation} ${system}`, { kind: SpanKind.CLIENT, attributes });
    try {
      return await work();
    } catch (failure) {
      endWithError(span, failure);
      throw failure;
    } finally {
      span.end();
    }
  };
  return {
    ...store,
    write: (commands, options) => spanned("write", commands.length, () => store.write(commands, options)),
    get: (ids, signal) => spanned("get", ids.length, () => store.get(ids, signal)),
    list: (after, count, signal) => spanned("list", count, () => store.list(after, count, signal)),
    entries: (range, count, generation, signal) =>
      spanned("entries", count, () => store.entries(range, count, generation, signal)),
    countEntries: (prefix, generation, signal) =>
      spanned("count", 1, () => store.countEntries(prefix, generation, signal)),
    count: (signal) => spanned("count", 1, () => store.count(signal)),
  };
}

/** Leaves out the error's message, which may hold personal data. */
function endWithError(span: Span, failure: unknown): void {
  span.setAttribute(ATTR_ERROR_TYPE, errorType(failure)).setStatus({ code: SpanStatusCode.ERROR });
}

function errorType(failure: unknown): string {
  if (failure instanceof UserError) return failure.reason;
  return failure instanceof Error ? failure.name : "_OTHER";
}
