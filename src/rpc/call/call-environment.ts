import type { DescMethod } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import type { Scope } from "../../credentials/principal.ts";
import type { Report } from "../../telemetry/failure-log.ts";
import type { ObserveRequest } from "../../telemetry/requests.ts";
import type { Exchange } from "../exchange.ts";
import type { Queue } from "../guard/eviction.ts";
import type { Gate } from "../guard/gate.ts";
import type { MemoryBudget } from "../guard/memory-budget.ts";
import type { Work } from "../guard/work.ts";
import type { Encoding } from "../messages/request-reader.ts";
import type { RaisedErrors } from "../restated-errors.ts";
import type { Call } from "./call.ts";

/** What all calls of a server share. */
export interface CallEnvironment {
  readonly gate: Gate;
  readonly work: Work;
  readonly budget: MemoryBudget;
  /** Counts unary calls of UserService until all of their request is there. */
  readonly arriving: Queue;
  readonly errors: RaisedErrors;
  readonly observe: ObserveRequest;
  readonly report: Report;
  /** How long nothing may move in an exchange. */
  readonly stallTimeoutMs: number;
  /** Called for each call that is ended for that. */
  readonly onStalled: () => void;
  /** Calls that have not ended. */
  readonly underWay: Set<Call>;
  /** Aborts when no more calls are served, with the error that calls end with. */
  readonly shutdown: AbortSignal;
}

/** The method of a call, and how its caller speaks. */
export interface CallKind {
  readonly method: DescMethod;
  /** As `rollcall.v1.UserService/Identify`, for the log and metrics. */
  readonly name: string;
  /** What its callers need; undefined where they need none. */
  readonly scope: Scope | undefined;
  /** `grpc`, `grpc-web` or `connect`. */
  readonly protocol: string;
  readonly encoding: Encoding;
  /** Writes an error as the protocol has it, in place of what the handler would still answer. */
  readonly answerError: (exchange: Exchange, error: ConnectError) => void;
  /** Counts the call until all of its request is there. */
  readonly arriving?: Queue | undefined;
  /** Counts the call until it closes. */
  readonly open?: Queue | undefined;
}
